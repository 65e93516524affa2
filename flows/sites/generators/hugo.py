"""Hugo: content to address, Goldmark's heading ids, and what its configuration says of both."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import quote

import yaml

from flows.reading.document import Document
from flows.sites.site_files import SiteFiles, plain_values, read_table
from flows.sites.slugs import GithubSlugger
from shared.models import Site

LOADERS: dict[str, Callable[[str], Any]] = {
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "yml": yaml.safe_load,
    "json": json.loads,
}
CONFIG_FILES = tuple(
    f"{folder}{name}.{ending}" for folder, name in (("", "hugo"), ("config/_default/", "hugo")) for ending in LOADERS
) + tuple(f"{folder}config.{ending}" for folder in ("", "config/_default/") for ending in LOADERS)
ATTRIBUTES = re.compile(r"(?<![ \t])[ \t]*+\{([^{}\n]*)\}[ \t]*$")
IDENTIFIER = re.compile(r"#([^\s#.}]+)")


def page_address(document: Document, site: Site) -> str | None:
    """The page's path in small letters, spaces as hyphens; its folder's for `_index` and `index`; `url`, `slug` go before."""
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    url, slug = document.front_matter.get("url"), document.front_matter.get("slug")
    if isinstance(url, str) and url:
        return site.base + quote(url.lstrip("/"))
    languages: list[str] = site.options.get("languages", [])
    name, _, language = path.stem.rpartition(".")
    if name and language in languages:
        path = PurePosixPath("" if language == site.options.get("language") else language) / path.with_name(f"{name}.md")
    folder = path.parent if path.stem in {"_index", "index"} else path.with_name(str(slug or path.stem))
    route = "" if folder == PurePosixPath() else f"{folder}/".replace(" ", "-")
    return site.base + quote(route if site.options.get("keeps_case") else route.lower())


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `markup/goldmark/autoid.go`, of the heading as it is written; `{#id}` as written."""
    slugger = GithubSlugger()
    ids: list[str | None] = []
    for heading in document.headings:
        source = heading.html or heading.text
        attributes = ATTRIBUTES.search(source)
        given = IDENTIFIER.search(attributes[1]) if attributes else None
        bare = source[: attributes.start()] if attributes else source
        ids.append(heading.custom_id or (given[1] if given else slugger.slug(bare.strip()) or None))
    return ids


def find_hugo_config(files: SiteFiles) -> Path | None:
    """`hugo.*` or, beside a folder `content`, `config.*`."""
    file = files.find(*CONFIG_FILES, pages=lambda file: _root(file) / "content")
    return file if file is not None and (_root(file) / "content").is_dir() else None


def _root(config: Path) -> Path:
    return config.parents[2] if config.parent.name == "_default" else config.parent


def read_hugo_config(files: SiteFiles, site: Site) -> Site:
    """`site` with the content folder, the languages, and the path of `baseURL` unless `site` says it."""
    file = find_hugo_config(files)
    if file is None:
        return site
    config = read_table(file, LOADERS[file.suffix[1:]])
    folder = _root(file) / str(config.get("contentDir", "content"))
    languages, parameters = config.get("languages"), config.get("params")
    update: dict[str, object] = {
        "folder": files.below(folder),
        "options": {
            "keeps_case": config.get("disablePathToLower") is True,
            "language": str(config.get("defaultContentLanguage", "en")),
            "languages": [*cast("dict[str, Any]", languages)] if isinstance(languages, dict) else [],
            "variables": plain_values(cast("dict[str, Any]", parameters)) if isinstance(parameters, dict) else {},
        },
    }
    given = re.match(r"(?:https?:)?//[^/]+(/.*)", str(config.get("baseURL") or config.get("baseurl") or ""))
    if given and site.base == Site().base:
        update["base"] = re.sub("/+", "/", f"{given[1]}/")
    if "permalinks" in config:
        update["notes"] = (*site.notes, "Hugo's permalinks are not applied: pages of those sections have wrong addresses")
    return site.model_copy(update=update)

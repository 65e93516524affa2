"""Starlight (Astro): entries of the docs collection to addresses, Astro's heading ids, `astro.config.*`."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from flows.reading.document import Document
from flows.sites.heading_text import find_references, plain_text
from flows.sites.literals import find_literal, read_literals
from flows.sites.site_files import SiteFiles, read_text
from flows.sites.slugs import GithubSlugger, github_slug
from shared.models import Site

CONFIG_FILES = tuple(f"astro.config.{ending}" for ending in ("mjs", "ts", "js", "mts", "cjs"))
CONTENT = "src/content/docs"


def page_address(document: Document, site: Site) -> str | None:
    """`slug`, else each part of the path as github-slugger makes it; `index` stands for the folder."""
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    given = document.front_matter.get("slug")
    parts = [github_slug(part) for part in path.with_suffix("").parts]
    route = str(given).strip("/") if given else "/".join(parts[:-1] if parts[-1] == "index" else parts)
    slash = "" if site.trailing_slash is False else "/"
    return site.base + (quote(route) + slash if route else "")


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `@astrojs/markdown-remark`, `rehype-collect-headings.ts`; a hyphen at the end goes."""
    references, slugger = find_references(document), GithubSlugger()
    texts = [plain_text(heading.html or heading.text, references) for heading in document.headings]
    return [slugger.slug(text).removesuffix("-") or None for text in texts]


def find_starlight_config(files: SiteFiles) -> Path | None:
    """`astro.config.*` that has Starlight in it."""
    file = files.find(*CONFIG_FILES, pages=lambda file: file.parent / CONTENT)
    return file if file is not None and "starlight" in read_text(file) else None


def read_starlight_config(files: SiteFiles, site: Site) -> Site:
    """`site` with the docs collection as the folder, `trailingSlash`, and `base` unless `site` says it."""
    file = find_starlight_config(files)
    if file is None:
        return site
    literals = read_literals(read_text(file))
    base, slash = find_literal(literals, "base"), find_literal(literals, "trailingSlash")
    update: dict[str, object] = {"folder": files.below(file.parent / CONTENT)}
    if isinstance(base, str) and site.base == Site().base:
        update["base"] = re.sub("/+", "/", f"/{base}/")
    if slash in {"always", "never"} and site.trailing_slash is None:
        update["trailing_slash"] = slash == "always"
    return site.model_copy(update=update)

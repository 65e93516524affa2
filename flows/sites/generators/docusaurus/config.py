"""What `docusaurus.config.*` and `versions.json` say. The former is a program, which is not run: its literals are read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.reading.extensions.jsx import FORMATS
from flows.sites.generators.docusaurus.addresses import DEFAULT_FORMAT
from flows.sites.literals import Literals, find_literal, read_literals
from flows.sites.site_files import SiteFiles, read_list, read_text
from shared.models import Site

ONLY_VERSIONS = re.compile(r"\bonlyIncludeVersions\s*:\s*\[([^\[\]]*)\]")
QUOTED = re.compile(r""""([^"\n]*)"|'([^'\n]*)'""")
CONFIG_FILES = ("docusaurus.config.js", "docusaurus.config.ts", "docusaurus.config.mjs", "docusaurus.config.cjs")


def read_docusaurus_config(files: SiteFiles, site: Site) -> Site:
    """`site` with `versions.json`, `markdown.format`, and the docs' `path` as the folder when the book is the whole site.

    Where `site` has nothing but the defaults, also with `baseUrl`, `routeBasePath` and `trailingSlash`.
    """
    config = find_docusaurus_config(files)
    if config is None:
        note = "no docusaurus.config.* was found: addresses are Docusaurus' defaults, and may all be wrong"
        return site.model_copy(update={"notes": (*site.notes, note)})
    versions = config.parent / "versions.json"
    names = [*map(str, read_list(versions, json.loads))] if files.holds(versions) else []
    program = read_text(config)
    literals = read_literals(program)
    given = find_literal(literals, "markdown", "format")
    update: dict[str, object] = {
        "folder": files.below(_docs_folder(config, literals)),
        "versions": tuple(names),
        "format": given if given in FORMATS else DEFAULT_FORMAT,
        "options": _site_options(files.below(config.parent), names, literals, program),
    }
    base, route = find_literal(literals, "baseUrl"), find_literal(literals, "docs", "routeBasePath")
    slash = find_literal(literals, "trailingSlash")
    if isinstance(base, str) and site.base == Site().base:
        update["base"] = re.sub(r"/+", "/", f"/{base}/")
    if isinstance(route, str) and site.route_base == Site().route_base:
        update["route_base"] = route.strip("/")
    if isinstance(slash, bool) and site.trailing_slash is None:
        update["trailing_slash"] = slash
    return site.model_copy(update=update)


def find_docusaurus_config(files: SiteFiles) -> Path | None:
    """`docusaurus.config.*`, whose docs are in `docs` unless it says otherwise."""
    return files.find(*CONFIG_FILES, pages=lambda file: _docs_folder(file, read_literals(read_text(file))))


def _docs_folder(config: Path, literals: Literals) -> Path:
    return config.parent / str(find_literal(literals, "docs", "path") or "docs")


def _site_options(root: str, names: Sequence[str], literals: Literals, program: str) -> dict[str, Any]:
    """`{"root": folder, "paths": {version: path}, "shown": version}`: where the site is in the book, which versions are built.

    `plugin-content-docs`, `versions/`: the current docs, '' here and `current` there, are served under `next`, and the last
    version at the root, unless a path is given. What a program computes is not known, and left to these defaults.
    """
    options: dict[str, Any] = {"root": root} if root else {}
    if not names:
        return options
    every = ["current", *names]
    if find_literal(literals, "docs", "includeCurrentVersion") is False:
        every.remove("current")
    if find_literal(literals, "docs", "disableVersioning") is True:
        every = ["current"]
    only = ONLY_VERSIONS.search(program)
    if only and (listed := [double or single for double, single in QUOTED.findall(only[1])]):
        every = [name for name in every if name in listed]
    given = find_literal(literals, "docs", "lastVersion")
    last = given if isinstance(given, str) and given in every else next((name for name in names if name in every), "current")
    paths: dict[str, str] = {}
    for name in every:
        path = find_literal(literals, "docs", "versions", name, "path")
        default = "" if name == last else "next" if name == "current" else name
        paths[_own_name(name)] = path.strip("/") if isinstance(path, str) else default
    return options | {"paths": paths, "shown": _own_name(last)}


def _own_name(version: str) -> str:
    return "" if version == "current" else version

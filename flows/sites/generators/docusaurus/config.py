"""What `docusaurus.config.*` and `versions.json` say. The former is a program, which is not run: its literals are read."""

from __future__ import annotations

import json
import re

from flows.reading.extensions.page_format import FORMATS
from flows.sites.generators.docusaurus.addresses import DEFAULT_FORMAT
from flows.sites.site_files import SiteFiles, read_list, read_text
from shared.models import Site

CONFIG_FILES = ("docusaurus.config.js", "docusaurus.config.ts", "docusaurus.config.mjs", "docusaurus.config.cjs")
Literals = dict[tuple[str, ...], str | bool]
"""Literal values by the keys that lead to them, outermost first."""
STRING = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*(?:`|\Z)"""
TOKEN = re.compile(
    rf"""(?://[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<key>(?<![\w$])[A-Za-z_$][\w$]*|"[^"\n]*"|'[^'\n]*')\s*:\s*
      (?:(?P<value>"[^"\\\n]*"|'[^'\\\n]*'|`[^`\\$]*`|true\b|false\b)(?=\s*[,}}/]))?
    | {STRING}
    | (?P<open>[{{\[(]) | (?P<close>[}}\])])""",
    re.VERBOSE | re.DOTALL,
)


def read_docusaurus_config(files: SiteFiles, site: Site) -> Site:
    """`site` with `versions.json`, `markdown.format`, and the docs' `path` as the folder when the book is the whole site.

    Where `site` has nothing but the defaults, also with `baseUrl`, `routeBasePath` and `trailingSlash`.
    """
    config = files.find(*CONFIG_FILES)
    if config is None:
        return site
    versions = config.parent / "versions.json"
    names = read_list(versions, json.loads) if files.holds(versions) else []
    literals = read_literals(read_text(config))
    given = find_literal(literals, "markdown", "format")
    update: dict[str, object] = {
        "folder": files.below(config.parent / str(find_literal(literals, "docs", "path") or "docs")),
        "versions": tuple(map(str, names)),
        "format": given if given in FORMATS else DEFAULT_FORMAT,
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


def read_literals(program: str) -> Literals:
    """The strings and booleans that the objects in `program` hold as they stand; what is computed is left out."""
    found: Literals = {}
    path: list[str] = []
    key = ""
    for token in TOKEN.finditer(program):
        if token["key"]:
            key = token["key"].strip("\"'")
            if (value := token["value"]) is not None:
                found.setdefault((*filter(None, path), key), value == "true" if value in {"true", "false"} else value[1:-1])
        elif token["open"]:
            path.append(key)
            key = ""
        elif token["close"] and path:
            path.pop()
            key = ""
    return found


def find_literal(literals: Literals, *keys: str) -> str | bool | None:
    """The outermost value that is reached by `keys` at the end of its path; None where there is none."""
    paths = [path for path in literals if path[-len(keys) :] == keys]
    return literals[min(paths, key=len)] if paths else None

"""Jekyll 4: pages, posts and collections to addresses, kramdown's heading ids, and what `_config.yml` says."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import quote

import yaml

from flows.reading.document import Document, Heading
from flows.sites.heading_text import References, find_references, plain_text
from flows.sites.site_files import SiteFiles, plain_values, read_table, read_text
from shared.models import Site

CONFIG_FILES = ("_config.yml", "_config.yaml")
POST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-(.+)")
ATTRIBUTE_BELOW = re.compile(r"\s*\n\{:[^{}\n]*#([\w-]+)[^{}\n]*\}")
STYLES = {
    "date": "/:categories/:year/:month/:day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "none": "/:categories/:title.html",
}


def page_address(document: Document, site: Site) -> str | None:
    """The page's path: `permalink` of the page, of its collection or of posts, else the path with `.html`.

    A file without front matter is no page, unless a plugin makes it one; of folders that begin with `_` only posts and
    collections are.
    """
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    is_page = document.text.startswith("---") or site.options.get("any_file") is True
    if not is_page or document.front_matter.get("published") is False or str(path) in site.not_built:
        return None
    route = _route(path, document.front_matter, site.options)
    return None if route is None else site.base + quote(route.lstrip("/"))


def _route(path: PurePosixPath, values: dict[str, Any], options: dict[str, Any]) -> str | None:
    given, pretty = str(values.get("permalink") or ""), options.get("permalink") == "pretty"
    if "_posts" in path.parts[:-1]:
        found, form = POST.fullmatch(path.stem), given or str(options.get("permalink", "date"))
        return _post(path, found, values, STYLES.get(form, form)) if found else None
    if path.parts[0].startswith("_"):
        return _item(path, given, options, pretty=pretty)
    if given or any(part.startswith("_") for part in path.parts):
        return given or None
    if path.stem == "index" or (path.stem == "README" and options.get("any_file") is True):
        return "" if path.parent == PurePosixPath() else f"{path.parent}/"
    return f"{path.with_suffix('')}/" if pretty else str(path.with_suffix(".html"))


def _item(path: PurePosixPath, given: str, options: dict[str, Any], *, pretty: bool) -> str | None:
    """The address of a file of a collection; None where `_config.yml` shows none of that name."""
    name, inner = path.parts[0][1:], path.relative_to(path.parts[0])
    collections: dict[str, Any] = options.get("collections", {})
    if name not in collections:
        return None
    form = given or str(collections[name] or f"/:collection/:path{'/' if pretty else '.html'}")
    form = form.replace(":collection", name).replace(":path", str(inner.with_suffix(""))).replace(":name", inner.stem)
    return form.replace(":title", inner.stem).replace(":output_ext", ".html")


def _post(path: PurePosixPath, found: re.Match[str], values: dict[str, Any], form: str) -> str:
    """The address of a post: `jekyll/url.rb`; categories are folders above `_posts` and those of the front matter."""
    given: Any = values.get("categories", values.get("category"))
    listed = given.split() if isinstance(given, str) else cast("list[Any]", given or [])
    above = [part for part in path.parts[:-1] if part != "_posts"]
    day = values.get("date")
    year, month, number = (day.year, day.month, day.day) if isinstance(day, date) else map(int, found.group(1, 2, 3))
    parts = {
        "categories": "/".join([*above, *(str(each).lower().replace(" ", "-") for each in listed)]),
        "year": f"{year:04}",
        "month": f"{month:02}",
        "day": f"{number:02}",
        "title": str(values.get("slug") or found[4]),
        "output_ext": ".html",
    }
    return re.sub("/+", "/", re.sub(r":(\w+)", lambda key: parts.get(key[1], key[0]), form))


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: kramdown-parser-gfm's `generate_gfm_header_id`; equal ones are counted, never compared."""
    references, counted = find_references(document), defaultdict[str, int](int)
    return [_heading_id(heading, document.text, references, counted) or None for heading in document.headings]


def _heading_id(heading: Heading, page: str, references: References, counted: defaultdict[str, int]) -> str:
    below = ATTRIBUTE_BELOW.match(page, heading.end)
    if heading.custom_id or below:
        return heading.custom_id or (below[1] if below else "")
    text = plain_text(heading.html or heading.text, references)
    slug = re.sub(r"[^\w\- \t]", "", text.lower()).replace(" ", "-").replace("\t", "-")
    counted[slug] += 1
    return slug if counted[slug] == 1 else f"{slug}-{counted[slug] - 1}"


def find_jekyll_config(files: SiteFiles) -> Path | None:
    """`_config.yml`."""
    return files.find(*CONFIG_FILES, pages=lambda file: file.parent)


def read_jekyll_config(files: SiteFiles, site: Site) -> Site:
    """`site` with the source folder, collections, the form of addresses, and `baseurl` unless `site` says it."""
    file = find_jekyll_config(files)
    if file is None:
        return site
    config = read_table(file, yaml.safe_load)
    given: Any = config.get("collections")
    collections = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    tables = {name: cast("dict[str, Any]", each) for name, each in collections.items() if isinstance(each, dict)}
    shown = {name: each.get("permalink") for name, each in tables.items() if each.get("output")}
    gems = file.parent / "Gemfile"
    plugins = [str(each) for each in cast("list[Any]", config.get("plugins") or [])]
    pages = "jekyll-optional-front-matter" in plugins or (files.holds(gems) and "github-pages" in read_text(gems))
    update: dict[str, object] = {
        "folder": files.below(file.parent / str(config.get("source") or ".")),
        "options": {
            "collections": shown,
            "any_file": pages,
            "permalink": str(config.get("permalink") or "date"),
            "variables": {"site": plain_values(config)},
        },
        "not_built": frozenset(str(each).removeprefix("/") for each in cast("list[Any]", config.get("exclude") or [])),
    }
    base = str(config.get("baseurl") or "")
    if base and site.base == Site().base:
        update["base"] = re.sub("/+", "/", f"/{base}/")
    return site.model_copy(update=update)

"""Nextra 4 (Next.js): files of `content` and `app` to addresses, its heading ids, what `next.config.*` says as literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from flows.reading.document import Document
from flows.reading.page import Page
from flows.sites.generator import SortKey
from flows.sites.heading_text import find_references, nextra_text
from flows.sites.literals import find_literal, read_keys, read_literals
from flows.sites.site_files import SiteFiles, read_text
from flows.sites.slugs import GithubSlugger
from shared.errors import BookError
from shared.models import Site

CONFIG_FILES = tuple(f"next.config.{ending}" for ending in ("mjs", "ts", "js", "mts", "cjs"))
META_FILES = tuple(f"_meta.{ending}" for ending in ("js", "jsx", "ts", "tsx", "json"))
LOCALES = re.compile(r"\blocales\s*:\s*\[([^\[\]]*)\]")
FOLDERS = frozenset({"content", "pages", "app"})
QUOTED = re.compile(r""""([^"\n]*)"|'([^'\n]*)'""")


def page_address(document: Document, site: Site) -> str | None:
    """The page's path below `content` (Nextra 2 and 3: `pages`), or the route of a `page.mdx` below `app`.

    `packages/nextra/src/server/page-map/to-page-map.ts`: `index` stands for its folder, `(groups)` are no part of a route.
    """
    path = PurePosixPath(site.options.get("inside", ""), document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    parts = (path.relative_to(site.folder) if site.folder else path).parts
    top, *folders = parts[1:] if parts[0] == "src" and parts[1:] else parts
    if "inside" not in site.options and top not in FOLDERS:  # no configuration was found: the book is the content
        top, folders = "content", [top, *folders]
    if not folders:
        return None
    name = PurePosixPath(folders.pop()).stem
    match top:
        case "content":
            route = _content_route(folders, name, site)
        case "pages" if not name.startswith("_"):
            route = [*folders, name]
        case "app" if name == "page" and not any(part.startswith(("_", "[")) for part in folders):
            route = [part for part in folders if not part.startswith(("(", "@"))]
        case _:
            return None
    if route and route[-1] == "index" and top != "app":
        route = route[:-1]
    return site.base + quote("/".join(route)) + ("/" if route and site.trailing_slash else "")


def _content_route(folders: list[str], name: str, site: Site) -> list[str]:
    base = [part for part in str(site.options.get("content_base", "")).split("/") if part]
    language = folders[:1] if folders[:1] and folders[0] in site.options.get("locales", ()) else []
    return [*language, *base, *folders[len(language) :], name]


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `remark-plugins/remark-headings.ts`; a first-level one has none, `[#own]` is a text too."""
    references, slugger = find_references(document), GithubSlugger()
    mdx = document.path.endswith(".mdx")
    ids: list[str | None] = []
    for heading in document.headings:
        text = heading.custom_id or nextra_text(heading.html or heading.text, references, mdx=mdx)
        ids.append(None if heading.level == 1 else slugger.slug(text) or None)
    return ids


def find_nextra_config(files: SiteFiles) -> Path | None:
    """`next.config.*` that has Nextra in it."""
    file = files.find(*CONFIG_FILES, pages=lambda file: file.parent)
    return file if file is not None and "nextra" in read_text(file) else None


def read_nextra_config(files: SiteFiles, site: Site) -> Site:
    """`site` with the project's folder, `contentDirBasePath`, the locales, `trailingSlash`, and `basePath` for `base`."""
    file = find_nextra_config(files)
    if file is None:
        return site
    program = read_text(file)
    literals = read_literals(program)
    base, slash, content = (find_literal(literals, key) for key in ("basePath", "trailingSlash", "contentDirBasePath"))
    locales, root = LOCALES.search(program), file.parent.resolve()
    update: dict[str, object] = {
        "folder": files.below(root),
        "format": "detect",
        "options": {
            "content_base": content if isinstance(content, str) else "",
            "locales": [one or other for one, other in QUOTED.findall(locales[1])] if locales else [],
            "inside": files.book.relative_to(root).as_posix() if files.book.is_relative_to(root) else "",
        },
    }
    if isinstance(base, str) and site.base == Site().base:
        update["base"] = re.sub("/+", "/", f"/{base}/")
    if isinstance(slash, bool) and site.trailing_slash is None:
        update["trailing_slash"] = slash
    return site.model_copy(update=update)


def meta_order(
    pages: Sequence[Page],
    site: Site,  # noqa: ARG001  every generator is asked the same way
    files: SiteFiles,
) -> Callable[[Page], SortKey]:
    """As each folder's `_meta` names them, then by name; an `index` that is not named comes first: `page-map/normalize.js`."""
    places = [PurePosixPath(page.path) for page in pages]
    named = {folder: _named(files.book / folder, files) for folder in {parent for place in places for parent in place.parents}}

    def key(page: Page) -> SortKey:
        place = PurePosixPath(page.path)
        steps = [place.with_suffix(""), *place.parents[:-1]]
        return [_entry(step.name, named[step.parent]) for step in reversed(steps)]

    return key


def _entry(name: str, named: list[str]) -> tuple[int, float, str]:
    if name in named:
        return (1, float(named.index(name)), name)
    return (0, 0.0, name) if name == "index" else (2, 0.0, name)


def _named(folder: Path, files: SiteFiles) -> list[str]:
    """The pages and folders that the folder's `_meta` file names, in order; one that cannot be read names none."""
    file = next((folder / name for name in META_FILES if files.holds(folder / name)), None)
    try:
        return read_keys(read_text(file)) if file is not None else []
    except BookError:
        return []

"""Where the docs plugin puts a page, and the ids the MDX loader gives its headings."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from flows.reading.document import Document, Heading
from flows.reading.extensions.jsx import is_mdx
from flows.sites.heading_text import References, find_references, mdast_text
from flows.sites.slugs import GithubSlugger
from shared.models import Site

IGNORED_PREFIX = re.compile(r"\d+[-_.]\d+")
NUMBER_PREFIX = re.compile(r"(\d+)\s*[-_.]+\s*([^-_.\s].*)$")
CLASSIC_ID = re.compile(r"(?<!\s)\s*+\{#((?:.(?!\{#|\}))*.)\}$")
MDX_COMMENT_ID = re.compile(r"/\*\s*#(\S+?)(?:\s.*)?\*/\s*\}\s*$", re.DOTALL)
LOCALIZED = re.compile(r"i18n/([^/]+)/docusaurus-plugin-content-docs/(?:current|version-([^/]+))/(.+)")
VERSIONED = re.compile(r"versioned_docs/version-([^/]+)/(.+)")
DEFAULT_FORMAT = "mdx"
"""Of `.md` files too (docusaurus.io, "MDX vs. CommonMark")."""
ENCODE_URI_KEEPS = ";,/?:@&=+$-_.!~*'()#"


@dataclass(frozen=True, slots=True)
class PageRoute:
    """Where in the site's source a file lies."""

    source: str
    """Path below the docs folder of its version and locale."""
    locale: str = ""
    version: str = ""
    """'' for the current docs."""


def find_route(path: str, site: Site) -> PageRoute | None:
    """The place of the file at `path` in the book; None for a file that is no page of the docs plugin.

    Folder names: `@docusaurus/plugin-content-docs` `versions/files.ts` and `@docusaurus/utils` `getPluginI18nPath`.
    """
    path = path.removeprefix(f"{site.options['root']}/") if "root" in site.options else path
    if localized := LOCALIZED.fullmatch(path):
        return PageRoute(localized[3], locale=localized[1], version=localized[2] or "")
    if versioned := VERSIONED.fullmatch(path):
        return PageRoute(versioned[2], version=versioned[1])
    if not site.folder:
        return PageRoute(path)
    return PageRoute(path.removeprefix(f"{site.folder}/")) if path.startswith(f"{site.folder}/") else None


def page_address(document: Document, site: Site) -> str | None:
    """The page's path on the site, percent-encoded as `encodeURI` does; None for a file that is no page.

    `plugin-content-docs` `docs.ts` (`permalink`), `versions/version.ts` (`getVersionPathPart`), core `server/i18n.ts`
    (the locale follows the base), utils-common `applyTrailingSlash.ts`.
    """
    place = find_route(document.path, site)
    served = _version_path(place.version, site) if place else None
    if place is None or served is None:
        return None
    parts = (site.base, place.locale, site.route_base, served)
    path = "/".join(part.strip("/") for part in parts) + "/" + _slug(place.source, document.front_matter)
    path = re.sub(r"/{2,}", "/", f"/{path}")
    if site.trailing_slash is not None and path not in ("/", site.base):
        path = path.rstrip("/") + ("/" if site.trailing_slash else "")
    return quote(path, safe=ENCODE_URI_KEEPS)


def _version_path(version: str, site: Site) -> str | None:
    """Where the version is served; None for one that is not built.

    The newest release is served at the root, the current docs then under `next`, other releases under their name, unless the
    configuration says otherwise.
    """
    if "paths" in site.options:
        return site.options["paths"].get(version)
    versions = site.versions
    if not versions:
        return version
    if version == versions[0]:
        return ""
    return version or "next"


def page_version(document: Document, site: Site) -> str:
    """The version's name, `next` for docs that are not released; '' for the version the site shows."""
    place = find_route(document.path, site)
    shown = site.options.get("shown", site.versions[0] if site.versions else "")
    return (place.version or "next") if place and place.version != shown else ""


def _slug(source: str, front_matter: dict[str, Any]) -> str:
    """The page's path below the docs' route: `plugin-content-docs` `slug.ts` (`getSlug`)."""
    keeps_prefixes = front_matter.get("parse_number_prefixes") is False
    file = PurePosixPath(source)
    folders = () if file.parent == PurePosixPath() else file.parent.parts
    folder = "/".join(["", *(folders if keeps_prefixes else map(strip_number_prefix, folders)), ""])
    given = _text(front_matter.get("slug"))
    if given.startswith("/"):
        return given
    if not given and is_category_index(file):
        return folder
    name = file.stem if keeps_prefixes else strip_number_prefix(file.stem)
    return _resolve(given or _text(front_matter.get("id")) or name, folder)


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def strip_number_prefix(name: str) -> str:
    """`01-intro` is `intro`; dates and versions (`2021-11-x`, `7.0-x`) stay: `numberPrefix.ts`, `DefaultNumberPrefixParser`."""
    if IGNORED_PREFIX.match(name):
        return name
    match = NUMBER_PREFIX.match(name)
    return match[2] if match else name


def number_prefix(name: str) -> float | None:
    """The number that `strip_number_prefix` takes off."""
    match = None if IGNORED_PREFIX.match(name) else NUMBER_PREFIX.match(name)
    return float(match[1]) if match else None


def is_category_index(file: PurePosixPath) -> bool:
    """`index`, `readme` and a file named as its folder stand for the folder, in any case: `docs.ts`, `isCategoryIndex`."""
    return file.stem.lower() in ("index", "readme", file.parent.name.lower())


def _resolve(slug: str, folder: str) -> str:
    """`slug` relative to `folder`: npm `resolve-pathname`. A last part `.`, `..` or nothing leaves a slash at the end."""
    parts = (folder + slug).split("/")
    kept: list[str] = []
    for part in parts[1:]:
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    path = "/" + "/".join(kept)
    return path if not path or path.endswith("/") or parts[-1] not in (".", "..", "") else f"{path}/"


def anchors(document: Document, site: Site) -> list[str | None]:
    """One id per heading, in order.

    `@docusaurus/mdx-loader` `remark/headings/index.ts`: a custom id is taken as written and not remembered, every other
    heading's text goes through github-slugger in order of appearance, the headings of each imported partial through one of
    their own. The theme (`theme-classic` `Heading/index.tsx`) then gives an h1 no id, nor a heading whose slug is empty;
    both have used up their slug.
    """
    references = find_references(document)
    mdx = is_mdx(document.path, document.front_matter, site.format or DEFAULT_FORMAT) is True
    sluggers: defaultdict[tuple[int, int] | None, GithubSlugger] = defaultdict(GithubSlugger)
    ids: list[str | None] = []
    for heading in document.headings:
        written = document.text[heading.start : heading.end]
        slugger = sluggers[(heading.start, heading.end) if _is_imported(heading, written) else None]
        given = _heading_id(heading, written, slugger, references, mdx=mdx)
        ids.append(None if heading.level == 1 else given or None)
    return ids


def _is_imported(heading: Heading, written: str) -> bool:
    """Whether it stands in a partial: its place in the page is then the tag that imports it."""
    return written.lstrip().startswith("<") and heading.html not in written


def _heading_id(heading: Heading, written: str, slugger: GithubSlugger, references: References, *, mdx: bool) -> str:
    if heading.custom_id and f"{{#{heading.custom_id}" not in written:
        return heading.custom_id
    if mdx and (comment := _comment_id(heading.html)):
        return comment
    source = f"{{#{heading.custom_id}}}" if heading.custom_id else heading.html
    text = mdast_text(source, references, mdx=mdx) if source else heading.text
    classic = CLASSIC_ID.search(text)
    return classic[1].strip() if classic else slugger.slug(text)


def _comment_id(html: str) -> str | None:
    """Of a heading that ends with `{/* #id */}`."""
    start = html.rfind("/*")
    comment = MDX_COMMENT_ID.match(html, start) if start > 0 and html[:start].rstrip().endswith("{") else None
    return comment[1] if comment else None

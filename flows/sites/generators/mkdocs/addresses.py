"""File to address, the ids of Python-Markdown's `toc` extension, and the order of pages without a `nav`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from markdown.extensions.toc import slugify, unique

from flows.reading.document import Document, Heading, is_inside
from flows.reading.page import Page
from flows.sites.generator import SortKey
from flows.sites.generators.mkdocs.plugins import moved_page
from flows.sites.generators.mkdocs.raw_html import raw_ranges
from flows.sites.heading_text import find_references, html_text
from flows.sites.site_files import SiteFiles
from flows.sites.slugs import pymdownx_slug
from shared.models import Site

ATTRIBUTES = re.compile(r"(?<![ ])[ ]++\{:?[ ]*+(?=[^\}\n ])")
"""Where a list of attributes begins that goes on to the end of its line."""
ATTRIBUTE_ID = re.compile(r"(?:^|[ ])(?:#([^\s}]+)|id=[\"']?([^\s\"'}]+))")


def page_address(document: Document, site: Site) -> str | None:
    """The page's path on the site: `mkdocs/structure/files.py`, `_get_stem`, `_get_dest_path` and `_get_url`.

    `README` counts as `index` (both spelled just so); `use_directory_urls` gives `page/`, without it `page.html`.
    """
    path = PurePosixPath(document.path)
    if (site.folder and not path.is_relative_to(site.folder)) or document.path in site.not_built:
        return None
    path = path.relative_to(site.folder) if site.folder else path
    if (moved := moved_page(path, document, site)) is not path:
        if moved is None:
            return None
        path = moved
    name = "index" if path.stem == "README" else path.stem
    if site.trailing_slash is False:
        return site.base + quote(str(path.with_name(f"{name}.html")))
    folder = path.parent if name == "index" else path.with_name(name)
    return site.base + ("" if folder == PurePosixPath() else quote(f"{folder}/"))


def anchors(document: Document, site: Site) -> list[str | None]:
    """One id per heading, in order: `markdown/extensions/toc.py`, `TocTreeprocessor.run`.

    Custom ids (`attr_list`: `{#id}`, `{: #id .class }`) are taken first, all over the page; the others then step aside for
    them and for each other: `name`, `name_1`, `name_2`. A heading inside raw HTML is not rendered and has no id.
    """
    raw = raw_ranges(document)
    starts = [start for start, _ in raw]
    rendered = [not is_inside(heading.start, raw, starts) for heading in document.headings]
    sources = [_source(heading, document.text) for heading in document.headings]
    custom = [_attribute_id(source) if shown else None for source, shown in zip(sources, rendered, strict=True)]
    taken, counters, references = {given for given in custom if given}, dict[str, int](), find_references(document)
    texts = (html_text(_part_attributes(source)[0], references) for source in sources)
    slug, ids = _slugifier(site), list[str | None]()
    for text, given, shown in zip(texts, custom, rendered, strict=True):
        if given is None and shown:
            # `counters`, which pyright's older stubs do not know, makes thousands of equal headings a matter of linear time.
            given = str(unique(slug(text), taken, counters))  # pyright: ignore[reportCallIssue, reportUnknownArgumentType]  # noqa: PLW2901
        ids.append(given if shown else None)
    return ids


def files_order(pages: Sequence[Page], site: Site, files: SiteFiles) -> Callable[[Page], SortKey]:  # noqa: ARG001  as in `SiteGenerator`
    """The index page, then the other pages, then the folders, by name: `mkdocs/structure/files.py`, `_sort_files`."""

    def key(page: Page) -> SortKey:
        *folders, name = PurePosixPath(page.path).parts
        is_index = PurePosixPath(name).stem in {"index", "README"}
        return [*[(2, 0.0, folder) for folder in folders], (0 if is_index else 1, 0.0, name)]

    return key


def _slugifier(site: Site) -> Callable[[str], str]:
    """How `toc` makes an id of a heading's text."""
    options: dict[str, Any] = site.options.get("toc", {})
    separator = str(options.get("separator", "-"))
    if site.ids == "pymdownx":
        case, encoded = str(options.get("case", "lower")), bool(options.get("percent_encode"))
        return lambda text: pymdownx_slug(text, separator, case=case, percent_encode=encoded)
    return lambda text: slugify(text, separator, unicode=site.ids == "unicode")


def _source(heading: Heading, page: str) -> str:
    """The heading's inline Markdown with its attribute list, which only counts after a space."""
    if heading.custom_id is None:
        return heading.html or heading.text
    written = page[heading.start : heading.end]
    at = written.find(f"{{#{heading.custom_id}}}")
    gap = "" if at > 0 and not written[at - 1].isspace() else " "
    return f"{heading.html}{gap}{{#{heading.custom_id}}}"


def _attribute_id(source: str) -> str | None:
    """The id in an attribute list at the heading's end (`markdown/extensions/attr_list.py`, `HEADER_RE`)."""
    given = ATTRIBUTE_ID.search(_part_attributes(source)[1])
    return (given[1] or given[2]) if given else None


def _part_attributes(source: str) -> tuple[str, str]:
    """A heading without the attribute list at its end, and what stands in the list; '' without one."""
    line = source.removesuffix("\n")
    beginning = ATTRIBUTES.search(line, line.rfind("\n") + 1) if line.rstrip(" ").endswith("}") else None
    if beginning is None:
        return source, ""
    return source[: beginning.start()] + source[len(line) :], line[beginning.end() : line.rindex("}")]

"""mdBook: chapter to `.html` page, the ids of its headings, and what `book.toml` and `SUMMARY.md` say."""

from __future__ import annotations

import re
import tomllib
from collections import deque
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import cast
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt

from flows.reading.document import Document, Heading, code_ranges, is_inside
from flows.sites.heading_text import References, find_references, pulldown_text
from flows.sites.site_files import SiteFiles, read_table, read_text
from flows.sites.slugs import MdbookIds, mdbook_slug
from shared.models import Site

ATTRIBUTES = re.compile(r"(?<!\s)\s*+\{([^{}]*)\}$")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
TERM = re.compile(r"^(?![ \t]*[:~#>|-])[ ]{0,3}(\S.*)\n\n?[ ]{0,3}:[ \t]+\S", re.MULTILINE)
"""A line that the next one, or the one after an empty one, defines."""


def page_address(document: Document, site: Site) -> str | None:
    """The page's path on the site; None for a file that `SUMMARY.md` does not name, and for `SUMMARY.md` itself.

    `html_handlebars/hbs_renderer.rs`: the chapter's path with the extension `html`. `builtin_preprocessors/index.rs`: a
    `README`, in any case, becomes `index`.
    """
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    if str(path) == "SUMMARY.md" or (site.chapters and str(path) not in site.chapters):
        return None
    name = "index" if path.stem.lower() == "readme" else path.stem
    return site.base + quote(str(path.with_name(f"{name}.html")))


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `mdbook-html/src/html/tree.rs`, `add_header_links`.

    A custom id (pulldown-cmark's heading attributes, `{#id .class}`) is taken as written and not remembered. The terms of
    definition lists get ids from the same counter.
    """
    ids, references, terms = MdbookIds(), find_references(document), deque(_terms(document))
    anchors: list[str | None] = []
    for heading in document.headings:
        while terms and terms[0][0] < heading.start:
            ids.unique(mdbook_slug(pulldown_text(terms.popleft()[1], references)))
        anchors.append(_heading_id(heading, document.text, ids, references) or None)
    return anchors


def _terms(document: Document) -> list[tuple[int, str]]:
    code = code_ranges(document.blocks)
    starts = [start for start, _ in code]
    found = [(match.start(), match[1]) for match in TERM.finditer(document.text)]
    return [(offset, term) for offset, term in found if not is_inside(offset, code, starts)]


def _heading_id(heading: Heading, page: str, ids: MdbookIds, references: References) -> str:
    source = _source(heading, page)
    attributes = ATTRIBUTES.search(source)
    given = [word[1:] for word in (attributes[1].split() if attributes else ()) if word.startswith("#")]
    if given:
        return given[-1]
    return ids.unique(mdbook_slug(pulldown_text(ATTRIBUTES.sub("", source), references)))


def _source(heading: Heading, page: str) -> str:
    """The heading's inline Markdown with its attributes, which only count at the very end of the line."""
    if heading.custom_id is None:
        return heading.html or heading.text
    line = page[heading.start : heading.end].partition("\n")[0].rstrip()
    return f"{heading.html} {{#{heading.custom_id}}}{'' if line.endswith('}') else ' '}"


def read_mdbook_config(files: SiteFiles, site: Site) -> Site:
    """`site` with `src` as the folder, and the chapters that `SUMMARY.md` names."""
    file = find_mdbook_config(files)
    config = read_table(file, tomllib.loads) if file else {}
    book: object = config.get("book")
    folder = cast("dict[str, object]", book).get("src", "src") if isinstance(book, dict) else "src"
    source = file.parent / str(folder) if file else files.book
    summary = source / "SUMMARY.md"
    chapters = tuple(_chapters(read_text(summary))) if files.holds(summary) else ()
    return site.model_copy(update={"folder": files.below(source), "chapters": chapters})


def _chapters(summary: str) -> Iterator[str]:
    """The files that links in `SUMMARY.md` name, as Markdown reads them: not those in comments and code."""
    for token in MarkdownIt("commonmark").parse(summary):
        for each in token.children or ():
            target = unquote(str(each.attrs.get("href", ""))) if each.type == "link_open" else ""
            if target and not SCHEME.match(target):
                yield normpath(target)


def find_mdbook_config(files: SiteFiles) -> Path | None:
    """`book.toml`, whose pages are in `src` unless it says otherwise."""
    return files.find("book.toml", pages=lambda file: file.parent / "src")

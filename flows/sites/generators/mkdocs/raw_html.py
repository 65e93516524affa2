"""Where Python-Markdown takes HTML as it stands: Markdown inside it, headings too, is not rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flows.reading.document import Document, code_ranges, is_inside
from flows.reading.extensions.html_elements import BLOCK_NAMES, MARKDOWN_ATTRIBUTE

BLOCK_ELEMENT = re.compile(BLOCK_NAMES)
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)\b([^<>]*)>")
AT_LINE_START = re.compile(r" {0,3}")


def raw_ranges(document: Document) -> list[tuple[int, int]]:
    """Offsets, in order and apart, of every block element without a `markdown` attribute, its tags included.

    `markdown/htmlparser.py`, `HTMLExtractor`: such an element begins at the start of a line and lasts until its own closing
    tag, over blank lines; without one, to the end of the page. `md_in_html`: `markdown` lets Markdown in again, though not
    below an element that is raw.
    """
    ranges: list[tuple[int, int]] = []
    name, depth, start = "", 0, 0
    for match in _tags(document):
        closing, tag = bool(match[1]), match[2].lower()
        if depth:
            depth += 0 if tag != name else -1 if closing else 1
            if not depth:
                ranges.append((start, match.end()))
        elif not closing and _is_raw(document.text, match):
            name, depth, start = tag, 1, match.start()
    return [*ranges, (start, len(document.text))] if depth else ranges


def _is_raw(text: str, tag: re.Match[str]) -> bool:
    line = text.rfind("\n", 0, tag.start()) + 1
    if not BLOCK_ELEMENT.fullmatch(tag[2].lower()) or tag[3].endswith("/") or MARKDOWN_ATTRIBUTE.search(tag[3]):
        return False
    return AT_LINE_START.fullmatch(text, line, tag.start()) is not None


def _tags(document: Document) -> Iterator[re.Match[str]]:
    """The tags of the page, those in code left out."""
    code = code_ranges(document.blocks)
    starts = [start for start, _ in code]
    for match in TAG.finditer(document.text):
        if not is_inside(match.start(), code, starts):
            yield match

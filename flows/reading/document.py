"""One page of the book, parsed: what `parse` makes, `sites` gives addresses and `splitting` cuts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.reading.inline_syntax import COMMON_MARK, InlineSyntax
from shared.models import BlockKind, ChunkBlock, Problem

MAX_NAME_CHARS = 200
"""Longest heading that is a name; those of the books measured have at most 110 characters."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading the reader sees."""

    level: int
    """1 to 6."""
    text: str
    """Plain text: no markup, entities decoded, custom id removed, emoji kept."""
    start: int
    end: int
    """Character offsets of the heading's lines in the file (end exclusive)."""
    line: int
    """1-based."""
    custom_id: str | None = None
    """From `{#custom-id}` (or `{/* #custom-id */}`), as written."""
    anchor: str | None = None
    """The id on the rendered page; set by `sites/site.py`, None until then and where the generator gives none."""
    parent: int = -1
    """Index of the heading it stands under; -1 for none. What stands in an element or admonition is under none of its headings
    once it has ended."""
    html: str = ""
    """The heading's inline Markdown as written, without hashes and custom id: for generators that slug the rendered form."""

    @property
    def is_name(self) -> bool:
        """Whether it can name what stands below it: it says something, and is no paragraph that was underlined by accident."""
        return 0 < len(self.text) <= MAX_NAME_CHARS


class Block(NamedTuple):
    """The smallest piece the splitter keeps whole unless it alone is over the limit."""

    kind: BlockKind
    start: int
    end: int
    """Character offsets in the file, end exclusive. Blocks are in order and do not overlap, but for those of an imported
    partial: they all have the place of the tag that imports it."""
    text: str
    """Cleaned rendering: no JSX, no link targets, alt text kept; code and tables as written."""
    heading: int
    """Index into `Document.headings` of the heading it stands under; -1 before the first."""
    prefix: str = ""
    """What is repeated in front of each further part when the block is cut: a table's header rows, a fence's opening line."""
    parts: tuple[Block, ...] = ()
    """The blocks in a container (list item, quote, footnote, definition): where it is cut when it alone is over the limit."""
    inner: tuple[ChunkBlock, ...] = ()
    """Of those and the ones in them, all that is no paragraph: code, items, tables; content ranges are ranges of `text`."""


def inner_blocks(parts: Sequence[Block], said: str, indent: int, ahead: int) -> Iterator[ChunkBlock]:
    """What stands in a container besides its paragraphs, with its range in the container's text.

    `said`: the parts' texts, a line end between two. In the container's text further lines are indented by `indent`, and
    `ahead` characters more stand before all of it: a mark, a name.
    """

    def moved(offset: int) -> int:
        return offset + ahead + indent * said.count("\n", 0, offset)

    at = 0
    for part in parts:
        own = ChunkBlock(part.kind, part.start, part.end, 0, len(part.text))
        for block in (own, *part.inner) if part.kind != "paragraph" else part.inner:
            start, end = moved(at + block.content_start), moved(at + block.content_end)
            yield block._replace(content_start=start, content_end=end)
        at += len(part.text) + bool(part.text)


def code_ranges(blocks: tuple[Block, ...]) -> list[tuple[int, int]]:
    """Offsets of the fences and indented code among `blocks` and in what they hold, in order."""
    ranges: list[tuple[int, int]] = []
    for block in blocks:
        ranges += [(block.start, block.end)] if block.kind in ("fence", "code") else code_ranges(block.parts)
    return ranges


def is_inside(offset: int, ranges: list[tuple[int, int]], starts: list[int]) -> bool:
    """Whether one of `ranges`, which begin at `starts` and are in order and apart, holds `offset`."""
    index = bisect_right(starts, offset) - 1
    return index >= 0 and offset < ranges[index][1]


@dataclass(frozen=True, slots=True)
class Document:
    """A page: its front matter, headings and blocks with their spans."""

    path: str
    text: str
    title: str
    description: str
    front_matter: dict[str, Any]
    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]
    """Together they cover every non-blank character that is not front matter, import/export or a JSX tag."""
    problems: tuple[Problem, ...] = ()
    """What the reader of this page should know: broken front matter, an include left out."""
    skip: str | None = None
    """Why the page is not part of the book (draft, unlisted, a partial); None for an ordinary page."""
    version: str = ""
    """Of the site, where it is not the one that the site shows; set by `sites/site.py`."""
    url: str = ""
    """Address of the page without anchor; set by `sites/site.py`."""
    syntax: InlineSyntax = COMMON_MARK
    """How its inline markup is read."""
    tags: tuple[str, ...] = field(default=())
    """`tags` and `keywords`: what the author says the page is about."""

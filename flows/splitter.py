"""A page as chunks: contiguous ranges of the file, cut where its author cut it.

1. Every section (a heading and what follows it up to the next) that fits the limit is one piece.
2. A section that does not fit is cut between its blocks, in sizes around `fill_tokens` (see `grouping`); a block that alone does
   not fit is cut by itself (see `pieces`).
3. Pieces below `min_tokens` join a neighbour below the same heading, deeper headings first.

A chunk's `content` is the page's title and the headings above it, a blank line, and the cleaned rendering of its range. An
imported partial has no place in the file but its tag: its text is part of the content of the chunks that hold the tag, which
may be several with the same range.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID, uuid5

from flows.document import Document
from flows.grouping import group, within
from flows.pieces import Count, Unit, cut
from shared.models import Chunk, Section

NAMESPACE = UUID("6f1d3c1e-6c0a-5b43-9d0e-1c7e5c0f2a11")
"""Of chunk ids; any other would make every id anew."""
BREADCRUMB = " > "


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of chunks, in tokens."""

    max_tokens: int = 400
    """Most tokens in a chunk's text; its content may be longer by title and headings, and a repeated table header."""
    min_tokens: int = 100
    """Pieces below this join a neighbour under the same heading."""
    fill_tokens: int = 300
    """What blocks of a section over the limit are gathered up to: the room left lets a chunk grow before it is cut anew."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Units that stay together."""

    units: tuple[Unit, ...]
    tokens: int
    top: int
    """The highest heading level inside (1 to 6); 0 before the first heading."""
    first: int
    """The level of the heading the piece stands under or begins with."""
    starts_section: bool


def split(document: Document, *, limits: Limits, count: Count, collection: str) -> list[Chunk]:
    """The chunks of a page in order; none for a page without text."""
    pieces = [piece for section in _sections(document) for piece in _pieces(document, section, limits, count)]
    groups = group(_ranks(document, pieces), _joinable(pieces, limits))
    builder = _Builder(document, collection, count)
    return [
        builder.chunk([unit for piece in pieces[start:end] for unit in piece.units]) for start, end in groups
    ]


def _sections(document: Document) -> Iterator[list[int]]:
    """Indices of the blocks of each run under one heading."""
    for _, run in groupby(range(len(document.blocks)), key=lambda index: document.blocks[index].heading):
        yield list(run)


def _pieces(document: Document, section: Sequence[int], limits: Limits, count: Count) -> Iterator[Piece]:
    blocks = [document.blocks[index] for index in section]
    heading = blocks[0].heading
    level = document.headings[heading].level if heading >= 0 else 0
    whole = document.text[blocks[0].start : blocks[-1].end]
    tokens = count(whole)
    rendered = sum(len(block.text) for block in blocks)
    if tokens <= limits.max_tokens and rendered <= 2 * len(whole):
        units = tuple(Unit(block.start, block.end, block.text, 0, block) for block in blocks)
        yield Piece(units, tokens, level, level, True)
        return
    units = [unit for block in blocks for unit in cut(block, document.text, limits.max_tokens, count)]
    sizes = [unit.tokens + 1 for unit in units]
    for start, end in group([_rank(units, index) for index in range(len(units))], within(sizes, limits.fill_tokens)):
        yield Piece(tuple(units[start:end]), sum(sizes[start:end]), level, level, start == 0)


def _rank(units: Sequence[Unit], index: int) -> tuple[int, int]:
    """How good a place the boundary before unit `index` of a section is to cut; 0 is the worst."""
    unit, before = units[index], units[index - 1]
    return _strength(before, unit), unit.key


def _strength(before: Unit, unit: Unit) -> int:
    kind, previous = unit.block.kind, before.block.kind
    if previous == "heading":
        return 0
    if previous == "paragraph" and kind != "paragraph" and before.text.endswith((":", "：", "**")):
        return 1
    if kind == previous == "list_item" or unit.continued:
        return 2
    if previous == "text":
        return 5
    return 4 if kind == "paragraph" and unit.text[:2] == "**" else 3


def _ranks(document: Document, pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Boundaries inside a section are the weakest, then those before the deepest headings."""
    return [(7 - piece.first if piece.starts_section else 0, piece.units[0].key) for piece in pieces]


def _joinable(pieces: Sequence[Piece], limits: Limits):
    totals = [0]
    for piece in pieces:
        totals.append(totals[-1] + piece.tokens + 1)

    def allowed(start: int, middle: int, end: int) -> bool:
        left, right = totals[middle] - totals[start], totals[end] - totals[middle]
        if min(left, right) >= limits.min_tokens or left + right > limits.max_tokens:
            return False
        top = min(piece.top for piece in pieces[start:middle])
        return not pieces[middle].starts_section or pieces[middle].first >= top

    return allowed


class _Builder:
    """Makes the chunks of one page, in order."""

    def __init__(self, document: Document, collection: str, count: Count) -> None:
        self.document = document
        self.collection = collection
        self.count = count
        self.position = 0
        self.seen: dict[str, int] = {}
        self.paths = _heading_paths(document)
        self.line = (0, 1)

    def chunk(self, units: Sequence[Unit]) -> Chunk:
        document = self.document
        start, end = units[0].start, units[-1].end
        text = document.text[start:end]
        sections = self._sections(units)
        path = _common([section.heading_path for section in sections])
        content = self._content(units, path)
        content_hash = hashlib.sha256(content.encode()).hexdigest()
        start_line = self._line(start)
        chunk = Chunk(
            id=self._id(path, content_hash),
            path=document.path,
            title=document.title,
            position=self.position,
            start=start,
            end=end,
            start_line=start_line,
            end_line=start_line + text.count("\n"),
            heading_path=path,
            anchor=sections[0].anchor,
            url=document.url + (f"#{sections[0].anchor}" if sections[0].anchor else ""),
            sections=sections,
            tokens=self.count(text),
            text=text,
            content=content,
            content_hash=content_hash,
        )
        self.position += 1
        return chunk

    def _line(self, offset: int) -> int:
        seen, line = self.line
        self.line = (offset, line + self.document.text.count("\n", seen, offset))
        return self.line[1]

    def _sections(self, units: Sequence[Unit]) -> tuple[Section, ...]:
        sections: list[Section] = []
        for heading, run in groupby(units, key=lambda unit: unit.block.heading):
            anchor = self.document.headings[heading].anchor if heading >= 0 else None
            sections.append(Section(start=next(run).start, heading_path=self.paths[heading], anchor=anchor))
        return tuple(sections)

    def _content(self, units: Sequence[Unit], path: tuple[str, ...]) -> str:
        title = self.document.title
        crumbs = path if path and path[0].casefold() == title.casefold() else (title, *path)
        body = units[1:] if units[0].block.kind == "heading" and path and units[0].text == path[-1] else units
        return BREADCRUMB.join(crumbs) + "\n\n" + "\n\n".join(unit.text for unit in body if unit.text)

    def _id(self, path: tuple[str, ...], content_hash: str) -> str:
        name = "\x1f".join((self.collection, self.document.path, *path, content_hash))
        number = self.seen.get(name, 0)
        self.seen[name] = number + 1
        return str(uuid5(NAMESPACE, f"{name}\x1f{number}"))


def _heading_paths(document: Document) -> dict[int, tuple[str, ...]]:
    """The path of every heading by its index; -1 (before the first) is empty."""
    paths: dict[int, tuple[str, ...]] = {-1: ()}
    stack: list[tuple[int, str]] = []
    for index, heading in enumerate(document.headings):
        while stack and stack[-1][0] >= heading.level:
            stack.pop()
        stack.append((heading.level, heading.text))
        paths[index] = tuple(text for _, text in stack)
    return paths


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shortest = min(paths, key=len)
    for size, part in enumerate(shortest):
        if any(path[size] != part for path in paths):
            return shortest[:size]
    return shortest

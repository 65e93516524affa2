"""The text below the front matter: markdown-it's tokens and what `mdx.py` set aside, in one order, as blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from flows.admonitions import Aside
from flows.blocks import Reader, closing, read_block
from flows.blockstate import LineState
from flows.caps import MAX_NESTING, check_caps
from flows.document import Block
from flows.inline import label
from flows.mdx import Prepared, prepare
from flows.partials import find_partial
from shared.errors import DocumentError
from shared.models import Problem

MAX_LEVEL = 2 * MAX_NESTING
"""markdown-it counts a list and its item as a level each."""
MAX_PARTIALS = 100
"""Imports that one page's text may hold, those of its partials included."""
LINE_END = re.compile(r"\r\n?|\n")
FOOTNOTE = re.compile(r"[ >\t]*\[\^[^\]]+\]:")
DEFINITION = re.compile(r" {0,3}[:~][ \t]+\S")


@cache
def _parser(*, mdx: bool, footnotes: bool, definitions: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_LEVEL, "inline_definitions": True}).enable("table")
    if footnotes:
        parser.use(footnote_plugin)
    if definitions:
        parser.use(deflist_plugin)
    return parser.disable(["code", "html_block"]) if mdx else parser


def _tokens(prepared: Prepared, path: str) -> list[Token]:
    lines = prepared.lines
    footnotes = any("[^" in line and FOOTNOTE.match(line) for line in lines)
    definitions = any(line.lstrip(" ")[:1] in {":", "~"} and DEFINITION.match(line) for line in lines)
    parser = _parser(mdx=prepared.mdx, footnotes=footnotes, definitions=definitions)
    tokens = LineState(lines, parser, {}).read()
    deepest = max((token.level for token in tokens), default=0)
    if deepest >= MAX_LEVEL - 1:
        line = next(token.map[0] + 1 for token in tokens if token.map and token.level >= deepest - 1)
        raise DocumentError(path, line, f"lists and quotes are nested deeper than {MAX_NESTING}")
    return tokens


@dataclass(slots=True)
class Body:
    """What reading one page's text needs and gathers, partials it imports included."""

    files: Mapping[str, str]
    """Text of the partials by path."""
    problems: list[Problem] = field(default_factory=list[Problem])
    partials: int = 0

    def read(self, reader: Reader, lines: Sequence[str], path: str, importing: tuple[str, ...] = ()) -> Iterator[Block]:
        """The blocks of these lines of the file at `path`. `importing`: the files that import it, outermost first."""
        prepared = prepare(lines, path)
        tokens = _tokens(prepared, path)
        self.problems.extend(prepared.problems)
        reader.lines = prepared.lines
        reader.references = frozenset(label(token.meta["label"]) for token in tokens if token.type == "definition")
        scopes = _Scopes(reader, prepared.regions)
        for line, item in _in_order(tokens, prepared.asides, reader.lines):
            scopes.enter(line)
            if not isinstance(item, Aside):
                yield from _top_level(reader, tokens, *item)
            elif item.partial is None:
                yield reader.aside(item.line, item.end_line, item.text)
            else:
                yield from self._partial(reader, item, path, importing)

    def _partial(self, reader: Reader, aside: Aside, path: str, importing: tuple[str, ...]) -> Iterator[Block]:
        imported = aside.partial or ""
        key = find_partial(imported, path, self.files)
        reason = f"imported {imported!r} is not in the book" if key is None else None
        if key in (*importing, path):
            reason = f"{imported!r} imports itself"
        self.partials += 1
        if self.partials > MAX_PARTIALS:
            reason = f"more than {MAX_PARTIALS} imports in one page"
        if key is None or reason is not None:
            place = importing[0] if importing else path
            line = (reader.tag[0] if reader.tag else aside.line) + 1
            self.problems.append(Problem(path=place, line=line, reason=f"{reason}: left out", skipped=False))
            return
        tag = reader.tag or (aside.line, aside.end_line)
        lines = LINE_END.split(self.files[key])
        check_caps(key, lines)
        inner = Reader(reader.starts, reader.ends, headings=reader.headings, current=reader.current, tag=tag)
        yield from self.read(inner, lines, key, (*importing, path))


def _top_level(reader: Reader, tokens: Sequence[Token], first: int, last: int) -> Iterator[Block]:
    for block in read_block(reader, tokens, first, last):
        if block.kind == "heading":
            reader.current = block.heading
        yield block


def _in_order(
    tokens: Sequence[Token], asides: Sequence[Aside], lines: Sequence[str]
) -> Iterator[tuple[int, Aside | tuple[int, int]]]:
    """(line, aside or first and last index of a construct's tokens) by line; asides inside a construct are part of it."""
    waiting = iter(asides)
    aside = next(waiting, None)
    position = covered = 0
    while position < len(tokens):
        first, last = tokens[position].map or (covered, covered)
        while aside is not None and aside.line < first:
            if aside.line >= covered:
                yield aside.line, aside
            aside = next(waiting, None)
        end = closing(tokens, position)
        yield first, (position, end)
        while last > first and not lines[last - 1].strip():
            last -= 1
        position, covered = end + 1, last
    while aside is not None:
        if aside.line >= covered:
            yield aside.line, aside
        aside = next(waiting, None)


class _Scopes:
    """Sees to it that a heading inside an element or admonition does not reach beyond it."""

    def __init__(self, reader: Reader, regions: Sequence[tuple[int, int]]) -> None:
        self.reader = reader
        self.waiting = sorted(regions, key=lambda region: (-region[0], region[1]))
        """The next one last."""
        self.open: list[tuple[int, int]] = []
        """(end line, heading to go back to) of those around the line, innermost last."""

    def enter(self, line: int) -> None:
        """Tell that the block at `line` comes next; lines only rise."""
        while self.waiting and self.waiting[-1][0] <= line:
            start, end = self.waiting.pop()
            self._leave(start)
            self.open.append((end, self.reader.current))
        self._leave(line)

    def _leave(self, line: int) -> None:
        while self.open and self.open[-1][0] <= line:
            self.reader.current = self.open.pop()[1]

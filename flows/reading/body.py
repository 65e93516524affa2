"""The text below the front matter: markdown-it's tokens and what `extensions/` set aside, in one order, as blocks."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from flows.reading.block_parser import parse_blocks
from flows.reading.blocks import Reader, closing, read_block
from flows.reading.document import Block
from flows.reading.extensions.page_format import is_mdx
from flows.reading.extensions.partials import find_partial
from flows.reading.extensions.prepare import prepare
from flows.reading.extensions.prepared import STAND_IN, Aside, Prepared
from flows.reading.front_matter import FrontMatter, parse_front_matter
from flows.reading.inline import label
from flows.reading.input_limits import MAX_FILE_BYTES, MAX_NESTING, check_input
from flows.reading.lines import SourceLines, lines_of, with_line_feeds
from shared.errors import DocumentError
from shared.models import Problem

MAX_LEVEL = 2 * MAX_NESTING
"""markdown-it counts a list and its item as a level each."""
MAX_PARTIALS = 100
"""Imports that one page's text may hold, those of its partials included."""


def _tokens(prepared: Prepared, path: str) -> list[Token]:
    marked = [prepared.lines[number] for number in prepared.marked]
    stand_ins = sorted({aside.line for aside in prepared.asides if prepared.lines[aside.line].strip(" \t>") == STAND_IN})
    tokens = parse_blocks(prepared.lines, marked, stand_ins, mdx=prepared.mdx, max_level=MAX_LEVEL)
    deepest = max([token.level for token in tokens], default=0)
    if deepest >= MAX_LEVEL - 1:
        line = next(token.map[0] + 1 for token in tokens if token.map and token.level >= deepest - 1)
        raise DocumentError(path, line, f"lists and quotes are nested deeper than {MAX_NESTING}")
    return tokens


@dataclass(slots=True)
class BodyReader:
    """What reading one page's text needs and gathers, partials it imports included."""

    files: Mapping[str, str]
    """Text of the partials by path."""
    site_format: str = ""
    """As in `Site`."""
    problems: list[Problem] = field(default_factory=list[Problem])
    partials: int = 0
    """Imports met so far."""
    imported_chars: int = 0

    def read(
        self, reader: Reader, source: SourceLines, front: FrontMatter, path: str, importing: tuple[str, ...] = ()
    ) -> list[Block]:
        """The blocks of the file at `path`, which the files `importing` import, below its front matter."""
        head = bisect_left(source.starts, front.end)
        mdx = is_mdx(path, front.values, self.site_format)
        prepared = prepare(with_line_feeds(source), path, head=head, mdx=mdx)
        tokens = _tokens(prepared, path)
        self.problems.extend(prepared.problems)
        reader.lines = prepared.lines
        reader.references = frozenset(label(token.meta["label"]) for token in tokens if token.type == "definition")
        asides: defaultdict[int, list[Aside]] = defaultdict(list)
        for aside in prepared.asides:
            asides[aside.line].append(aside)
        reader.asides = asides
        reader.read_partial = lambda aside: self._partial(reader, aside, path, importing)
        scopes = _HeadingScopes(reader, prepared.regions)
        reader.before_item = scopes.enter
        blocks: list[Block] = []
        first = 0
        while first < len(tokens):
            token, last = tokens[first], closing(tokens, first)
            scopes.enter(token.map[0] if token.map else 0)
            blocks += read_block(reader, tokens, first, last)
            if token.type in {"heading", "heading_open"}:
                reader.current = blocks[-1].heading
                scopes.behind = token.map[1] if token.map else 0
            first = last + 1
        return blocks

    def _partial(self, reader: Reader, aside: Aside, path: str, importing: tuple[str, ...]) -> list[Block]:
        key = find_partial(aside.partial or "", path, self.files)
        reason = self._refusal(key, (*importing, path))
        tag = reader.tag or (aside.line, aside.end_line)
        if key is None or reason is not None:
            reason = f"imported {aside.partial!r} left out: {reason}"
            self.problems.append(Problem(path=(*importing, path)[0], line=tag[0] + 1, reason=reason, skipped=False))
            return []
        source = lines_of(self.files[key])
        check_input(key, source)
        inner = Reader(reader.source, headings=reader.headings, current=reader.current, tag=tag)
        return self.read(inner, source, parse_front_matter(source.text), key, (*importing, path))

    def _refusal(self, key: str | None, importing: tuple[str, ...]) -> str | None:
        """Why the file is not read; None when it is."""
        if key is None:
            return "it is not in the book"
        if key in importing:
            return "it imports itself"
        self.partials += 1
        self.imported_chars += len(self.files[key])
        if self.partials > MAX_PARTIALS or self.imported_chars > MAX_FILE_BYTES:
            return f"the page imports more than {MAX_PARTIALS} times or {MAX_FILE_BYTES} characters"
        return None


class _HeadingScopes:
    """Sees to it that a heading inside an element or admonition does not reach beyond it, unless it is the last thing there."""

    def __init__(self, reader: Reader, regions: Sequence[tuple[int, int]]) -> None:
        self.reader = reader
        self.waiting = sorted(regions, key=lambda region: (-region[0], region[1]))
        """The next one last."""
        self.open: list[tuple[int, int]] = []
        """(end line, heading to go back to) of those around the line, innermost last."""
        self.behind = 0
        """The line behind the last heading."""

    def enter(self, line: int) -> None:
        """Tell that the block at `line` comes next; lines only rise."""
        while self.waiting and self.waiting[-1][0] <= line:
            start, end = self.waiting.pop()
            self._leave(start)
            self.open.append((end, self.reader.current))
        if self.open:
            self._leave(line)

    def _leave(self, line: int) -> None:
        while self.open and self.open[-1][0] <= line:
            end, before = self.open.pop()
            if self.behind > end or not self._ends_with_heading(end):
                self.reader.current = before

    def _ends_with_heading(self, end: int) -> bool:
        """Whether nothing a reader sees is between the last heading and line `end`: of `<div>` `# Title` `</div>`."""
        for number in range(self.behind, end):
            said = [aside for aside in self.reader.asides.get(number, ()) if aside.text or aside.partial]
            if said or self.reader.lines[number].strip(" \t>") not in {"", STAND_IN}:
                return False
        return True

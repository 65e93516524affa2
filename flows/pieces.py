"""Blocks as units that fit: whole where they can be, cut where one alone is over the limit.

Containers (list items, quotes) are cut between their parts, code at line ends, before blank lines first, with the fence's opening
line repeated in the rendering; tables between rows with the header repeated; prose between sentences. A line or sentence that
alone is over the limit is cut between words, and a word between characters a reader sees as one.

Tokens are counted once per unit, with the line ends that follow it. Encodings such as cl100k_base and o200k_base never join
characters across a line end and the next line's first one, so the tokens of consecutive lines add up exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from flows.document import Block
from flows.grouping import group, within
from flows.inline import plain

Count = Callable[[str], int]
KEY_CHARS = 32
"""A unit's first characters make its boundary's rank: few enough that most edits leave them alone."""
TOKEN_CHARS = 3
"""A text of fewer characters a token than this is likely under the limit, and counted whole; others by their parts."""
LINE_ENDS = re.compile(r"\s*\n|\s*\Z")
STANZA = re.compile(r"\n(?:[ \t]*\r?\n)+")
LINE = re.compile(r"\n")
WORD = re.compile(r"\s+")
SENTENCE = re.compile(
    r"""[.!?…]+["'”’)\]*_]*\s+(?=["'“‘(\[*_]*[^\W_a-z])   # Latin, Greek, Cyrillic: the next begins with a capital
      | [。！？]["」』）”]*\s*                              # Chinese, Japanese
      | [।؟۔።]+\s+                                        # Devanagari, Arabic, Urdu, Ethiopic
    """,
    re.VERBOSE,
)
QUOTE_MARK = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
CLOSING = re.compile(r"`{3,}|~{3,}")
SLACK = 16
"""Tokens by which the parts' sum may be more than the whole: gaps between them, line ends."""
JOINERS = frozenset("\u200d\ufe0e\ufe0f")


@dataclass(frozen=True, slots=True)
class Unit:
    """A range of the file that a chunk takes or leaves whole."""

    start: int
    end: int
    stop: int
    """`end` and the line ends that follow."""
    text: str
    """Cleaned rendering."""
    tokens: int
    """Of start..stop, or of the rendering where that is longer."""
    kind: str
    heading: int
    exact: bool = True
    """Whether `tokens` adds up with those of its neighbours: false inside a line, and for imported text."""
    continued: bool = False
    """Whether the unit begins inside its block."""

    @property
    def key(self) -> int:
        """What the unit begins with, as a number."""
        return crc32(self.text[:KEY_CHARS].encode())


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text, and how long a range of it may be."""

    text: str
    limit: int
    """In tokens."""
    count: Count

    def stop(self, end: int) -> int:
        """The offset behind the line ends that follow `end`."""
        match = LINE_ENDS.match(self.text, end)
        return match.end() if match else end

    def tail(self, end: int, stop: int) -> int:
        """Tokens that the line ends end..stop add to what stands before them."""
        if stop == end:
            return 0
        line = self.text.rfind("\n", 0, end) + 1
        return self.count(self.text[line:stop]) - self.count(self.text[line:end])

    def short(self, start: int, end: int) -> bool:
        """Whether the range is likely to fit, so that counting it whole is worth it."""
        return end - start <= TOKEN_CHARS * self.limit

    def units(self, block: Block, heading: int) -> Iterator[Unit]:
        """`block` as units within the limit, covering it but for white space."""
        stop = self.stop(block.end)
        imported = len(block.text) > 2 * (block.end - block.start) + len(block.prefix)
        if not imported and block.text and not self.short(block.start, stop):
            yield from self._long(block, heading)
            return
        tokens = max(self.count(self.text[block.start : stop]), self.count(block.text) if imported else 0)
        if self.fits(tokens, block.end, stop):
            yield Unit(block.start, block.end, stop, block.text, tokens, block.kind, heading, not imported)
        elif imported:
            yield from self._imported(block, stop, heading)
        elif block.text:
            yield from self._long(block, heading)

    def fits(self, tokens: int, end: int, stop: int) -> bool:
        """Whether a range of so many tokens, the line ends end..stop included, is within the limit without them."""
        return tokens <= self.limit or tokens - self.tail(end, stop) <= self.limit

    def _long(self, block: Block, heading: int) -> Iterator[Unit]:
        """A block that is likely over the limit: counted by its parts, and whole only where they come near it."""
        if block.parts:
            units = [unit for part in block.parts for unit in self.units(part, heading)]
            slack = 0
        else:
            units, slack = _Cut(self, block, heading).units()
        if sum(unit.tokens for unit in units) - slack <= self.limit + SLACK:
            stop = self.stop(block.end)
            tokens = self.count(self.text[block.start : stop])
            if self.fits(tokens, block.end, stop):
                units = [Unit(block.start, block.end, stop, block.text, tokens, block.kind, heading)]
        yield from units

    def _imported(self, block: Block, stop: int, heading: int) -> Iterator[Unit]:
        """Pieces of a partial's text, all in the place of the tag that imports it."""
        inner = Block(block.kind, 0, len(block.text), block.text, heading, block.prefix)
        for unit in Source(block.text, self.limit, self.count).units(inner, heading):
            yield Unit(block.start, block.end, stop, unit.text, unit.tokens, block.kind, heading, exact=False, continued=unit.continued)


class _Cut:
    """One block that is over the limit and holds no others, cut."""

    def __init__(self, source: Source, block: Block, heading: int) -> None:
        self.source = source
        self.block = block
        self.heading = heading
        self.lines = block.kind in {"fence", "code", "table", "math"}
        mark = CLOSING.match(block.prefix) if block.kind == "fence" else None
        self.closing = f"\n{mark[0]}" if mark else ""
        repeated = source.count(block.prefix + self.closing) if block.prefix else 0
        self.prefix = block.prefix if 2 * repeated < source.limit else ""
        self.limit = source.limit - (repeated if self.prefix else 0)

    def units(self) -> tuple[list[Unit], int]:
        """The units, and by how much their tokens may add up to more than the block's."""
        atoms = list(self._atoms(self.block.start, self.source.stop(self.block.end), self._levels()))
        ranks = [(self._strength(start), crc32(self.source.text[start : start + KEY_CHARS].encode())) for start, _, _ in atoms]
        sizes = [tokens for _, _, tokens in atoms]
        groups = group(ranks, within(sizes, [0] * len(sizes), self.limit))
        exact = all([self._at_line(start) for start, _, _ in atoms])
        return [self._unit(atoms[first:last], exact, first == 0, last == len(atoms)) for first, last in groups], len(atoms)

    def _unit(self, atoms: Sequence[tuple[int, int, int]], exact: bool, first: bool, last: bool) -> Unit:
        start, stop = atoms[0][0], atoms[-1][1]
        end = start + len(self.source.text[start:stop].rstrip())
        text = self._rendering(start, end, first=first, last=last)
        tokens = sum([tokens for _, _, tokens in atoms])
        return Unit(start, end, stop, text, tokens, self.block.kind, self.heading, exact, not first)

    def _levels(self) -> list[re.Pattern[str]]:
        """Separators, the coarsest first."""
        match self.block.kind:
            case "table":
                return [LINE, WORD]
            case "fence" | "code" | "math":
                return [STANZA, LINE, WORD]
            case _:
                return [SENTENCE, LINE, WORD]

    def _atoms(self, start: int, end: int, levels: Sequence[re.Pattern[str]]) -> Iterator[tuple[int, int, int]]:
        """(start, stop, tokens) of the smallest ranges that need no finer cut; each ends where the next starts."""
        if not levels:
            yield from self._graphemes(start, end)
            return
        spare = 0 if levels[0] in (STANZA, LINE) and self.lines else 1  # inside a line, what is joined may need one more
        for first, stop in _ranges(self.source.text, start, end, levels[0]):
            short = stop - first <= 2 * TOKEN_CHARS * self.limit
            tokens = self.source.count(self.source.text[first:stop]) + spare if short else self.limit + 1
            if tokens <= self.limit:
                yield first, stop, tokens
            else:
                yield from self._atoms(first, stop, levels[1:])

    def _graphemes(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Runs of whole graphemes, as many as are sure to fit: no character is more than four tokens."""
        step = max(1, self.limit // 8)
        text = self.source.text
        while start < end:
            stop = min(start + step, end)
            while stop < end and stop - start < 2 * step and _joins(text, stop):
                stop += 1
            yield start, stop, self.source.count(text[start:stop]) + 1
            start = stop

    def _at_line(self, start: int) -> bool:
        return start == 0 or self.source.text[start - 1] in "\r\n"

    def _strength(self, start: int) -> int:
        """Code is cut best before a line at the margin that follows a blank one, then at any blank line, then at the margin."""
        if not self.lines or self.block.kind == "table":
            return 0
        text = self.source.text
        blank = text[max(start - 4, 0) : start].count("\n") > 1
        margin = text[start : start + 1] not in {" ", "\t"}
        return 2 * blank + margin

    def _rendering(self, start: int, end: int, *, first: bool, last: bool) -> str:
        piece = self.source.text[start:end]
        if not self.lines:
            return plain(QUOTE_MARK.sub("", piece)).strip()
        before = "" if first else self.prefix
        after = "" if last or not self.prefix else self.closing
        return before + piece + after


def _ranges(text: str, start: int, end: int, separator: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """start..end cut behind each separator; a range of white space alone goes with the one before it."""
    first = start
    for match in separator.finditer(text, start, end):
        if not text[match.end() : end].strip():
            break
        if text[first : match.end()].strip():
            yield first, match.end()
            first = match.end()
    yield first, end


def _joins(text: str, position: int) -> bool:
    """Whether the character at `position` belongs to the one before it: marks, joiners, skin tones."""
    character = text[position]
    return (
        character in JOINERS
        or text[position - 1] == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or unicodedata.category(character)[0] == "M"
    )

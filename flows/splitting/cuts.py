"""One block that alone is over the limit, cut.

Code is cut at line ends, before blank lines first, with the fence's opening line repeated in the rendering; tables between rows
with the header repeated; prose between sentences. A line or sentence that alone is over the limit is cut between words, and a
word between characters a reader sees as one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from flows.reading.document import Block
from flows.splitting.grouping import group, within
from flows.splitting.measure import TOKEN_CHARS, MeasuredText, Unit, key_of
from flows.splitting.renderings import AsWritten, Prose, Rows

Atom = tuple[int, int, int, int]
"""(start, stop, tokens, rank) of a range that is not cut."""
STANZA = re.compile(r"\n(?:[ \t]*\r?\n)+")
LINE = re.compile(r"\n")
WORD = re.compile(r"\s+")
SENTENCE_END = re.compile(
    r"""(?<![.!?…])[.!?…]+["'”’)\]*_]*\s+(?=["'“‘(\[*_]*[^\W_a-z])   # Latin, Greek, Cyrillic: a capital follows
      | [。！？]["」』）”]*\s*                                          # Chinese, Japanese
      | (?<![।؟۔።])[।؟۔።]+\s+                                                     # Devanagari, Arabic, Urdu, Ethiopic
    """,
    re.VERBOSE,
)
FENCE_MARK = re.compile(r"`{3,}|~{3,}")
BY_LINES = frozenset({"fence", "code", "table", "math"})
JOINERS = frozenset("\u200d\ufe0e\ufe0f")


class Cut:
    """A block over the limit that holds no others."""

    def __init__(self, source: MeasuredText, block: Block, heading: int) -> None:
        self.source = source
        self.block = block
        self.heading = heading
        self.by_lines = block.kind in BY_LINES
        mark = FENCE_MARK.match(block.prefix)
        self.closing = f"\n{mark[0]}" if mark else ""
        repeated = source.count(block.prefix + self.closing) if block.prefix else 0
        self.prefix = block.prefix if 2 * repeated < source.limit else ""
        self.limit = source.limit - (repeated if self.prefix else 0)
        self.rendering = self._rendering()

    def units(self) -> tuple[list[Unit], int]:
        """The units, and by how much their tokens may add up to more than the block's."""
        text = self.source.text
        atoms = list(self._atoms(self.block.start, self.source.stop(self.block.end), self._separators()))
        if self.block.kind == "table":
            atoms = self._with_one_header(atoms)
        ranks = [(rank, key_of(text, start) if rank else 0) for start, _, _, rank in atoms]
        sizes = [tokens for _, _, tokens, _ in atoms]
        groups = group(ranks, within(sizes, [0] * len(sizes), self.limit))
        exact = self.by_lines and min(ranks)[0] > 0
        units = [self._unit(atoms[first:last], exact, first == 0, last == len(atoms)) for first, last in groups]
        return [unit for unit in units if unit.start < unit.end], 0 if exact else len(atoms)  # not the space behind a word

    def _with_one_header(self, atoms: list[Atom]) -> list[Atom]:
        """The same, with the header and the row of dashes below it as one."""
        first, *rest = atoms
        if not rest or first[3] != 1 or rest[0][3] != 1 or first[2] + rest[0][2] > self.limit:
            return atoms
        return [(first[0], rest[0][1], first[2] + rest[0][2], 1), *rest[1:]]

    def _unit(self, atoms: Sequence[Atom], exact: bool, first: bool, last: bool) -> Unit:
        start, stop = atoms[0][0], atoms[-1][1]
        end = start + len(self.source.text[start:stop].rstrip())
        before = "" if first else self.prefix
        after = "" if last or not self.prefix else self.closing
        text = before + self.rendering.of(start, end) + after
        tokens = sum([tokens for _, _, tokens, _ in atoms])
        repeated = (len(before), len(after))
        return Unit(start, end, stop, text, tokens, self.block.kind, self.heading, (), exact, not first, repeated)

    def _separators(self) -> list[re.Pattern[str]]:
        """The coarsest first."""
        match self.block.kind:
            case "table":
                return [LINE, WORD]
            case "fence" | "code" | "math":
                return [STANZA, LINE, WORD]
            case _:
                return [SENTENCE_END, LINE, WORD]

    def _atoms(self, start: int, end: int, separators: Sequence[re.Pattern[str]]) -> Iterator[Atom]:
        """The smallest ranges that need no finer cut; each ends where the next starts."""
        if not separators:
            yield from self._graphemes(start, end)
            return
        text, separator = self.source.text, separators[0]
        spare = 0 if self.by_lines and separator is not WORD else 1  # inside a line, what is joined may need one more
        for first, stop in _ranges(text, start, end, separator):
            likely = len(self.source.seen(first, stop)) <= 2 * TOKEN_CHARS * self.limit
            tokens = self.source.tokens(first, stop) + spare if likely else self.limit + 1
            if tokens <= self.limit:
                yield first, stop, tokens, self._rank(first, separator)
            else:
                yield from self._atoms(first, stop, separators[1:])

    def _rank(self, start: int, separator: re.Pattern[str]) -> int:
        """0 between words; code is cut best before a line at the margin below a blank one, then below any blank one."""
        if separator is WORD:
            return 0
        if not self.by_lines or self.block.kind == "table":
            return 2 if separator is SENTENCE_END else 1
        return (3 if separator is STANZA else 1) + (self.source.text[start] not in " \t")

    def _graphemes(self, start: int, end: int) -> Iterator[Atom]:
        """Runs of whole graphemes, short enough to fit: no character is more than four tokens."""
        step = max(1, self.limit // 8)
        text = self.source.text
        while start < end:
            stop = min(start + step, end)
            while stop < end and stop - start < 2 * step and _joins(text, stop):
                stop += 1
            yield start, stop, self.source.count(text[start:stop]) + 1, 0
            start = stop

    def _rendering(self) -> AsWritten | Prose | Rows:
        """What its ranges say."""
        if self.source.syntax is None:
            return AsWritten(self.source.text)
        return (Rows if self.by_lines else Prose)(self.source.text, self.block, self.source.syntax)


def _ranges(text: str, start: int, end: int, separator: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """start..end cut behind each separator; a range of white space alone goes with what follows it."""
    first, last = start, start + len(text[start:end].rstrip())
    for match in separator.finditer(text, start, last):
        behind = match.end()
        if behind >= last:
            break
        if not text[first:behind].isspace():
            yield first, behind
            first = behind
    yield first, end


def _joins(text: str, position: int) -> bool:
    """Whether the character at `position` belongs to the one before it: marks, joiners, skin tones, CR before LF."""
    character = text[position]
    return (
        character in JOINERS
        or text[position - 1] == "\u200d"
        or (character == "\n" and text[position - 1] == "\r")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or unicodedata.category(character)[0] == "M"
    )

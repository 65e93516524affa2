"""Blocks as units that fit: whole where they can be, cut where one alone is over the limit.

Containers (list items, quotes) are cut between their parts, code at line ends with the fence's opening line repeated in the
rendering, tables between rows with the header repeated, prose between sentences; a line or sentence that alone is over the limit
between words, and a word between characters a reader sees as one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zlib import crc32

from flows.document import Block
from flows.grouping import group, within
from flows.inline import plain

Count = Callable[[str], int]
KEY_CHARS = 32
"""A unit's first characters make its boundary's rank: few enough that most edits leave them alone."""
SENTENCE = re.compile(
    r"""[.!?…]+["'”’)\]*_]*(?:[ \t]+|[ \t]*\n[ \t]*)(?=["'“‘(\[*_]*[^\W_a-z])   # Latin, Greek, Cyrillic
      | [。！？]["」』）”]*[ \t\n]*                                              # Chinese, Japanese
      | [।؟۔።]+[ \t\n]+                                                        # Devanagari, Arabic, Urdu, Ethiopic
    """,
    re.VERBOSE,
)
LINE = re.compile(r"\n+")
WORD = re.compile(r"\s+")
QUOTE_MARK = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Unit:
    """A range of the file that a chunk takes or leaves whole."""

    start: int
    end: int
    text: str
    """Cleaned rendering."""
    tokens: int
    """Of the source range, or of the rendering where that is longer."""
    block: Block
    continued: bool = False
    """Whether the unit begins inside its block."""

    @property
    def key(self) -> int:
        """What the unit begins with, as a number: stable under edits further on."""
        return crc32(self.text[:KEY_CHARS].encode())


def cut(block: Block, source: str, limit: int, count: Count) -> Iterator[Unit]:
    """`block` as units of at most `limit` tokens, covering it but for white space."""
    tokens = count(source[block.start : block.end])
    if len(block.text) > block.end - block.start:
        tokens = max(tokens, count(block.text))
    if tokens <= limit:
        yield Unit(block.start, block.end, block.text, tokens, block)
    elif block.parts:
        for part in block.parts:
            yield from cut(part, source, limit, count)
    else:
        yield from _Cutter(block, source, limit, count).units()


class _Cutter:
    """Cuts one block that is over the limit."""

    def __init__(self, block: Block, source: str, limit: int, count: Count) -> None:
        self.block = block
        self.source = source
        self.count = count
        self.by_lines = block.kind in {"fence", "code", "table", "math"}
        self.closing = block.prefix.split(block.prefix.lstrip("`~"))[0] if block.kind == "fence" and block.prefix.strip("`~\n") else block.prefix.strip()
        repeated = count(block.prefix) + (count(self.closing) + 1 if block.kind == "fence" else 0)
        self.limit = limit - repeated if 2 * repeated < limit else limit
        self.repeats = 2 * repeated < limit

    def units(self) -> Iterator[Unit]:
        levels = [LINE, WORD] if self.by_lines else [SENTENCE, LINE, WORD]
        atoms = list(self._atoms(self.block.start, self.block.end, levels))
        sizes = [tokens for _, _, tokens in atoms]
        groups = group([self._rank(start) for start, _, _ in atoms], within(sizes, self.limit))
        for number, (first, last) in enumerate(groups):
            start, end = atoms[first][0], atoms[last - 1][1]
            text = self._rendering(start, end, number == 0, number == len(groups) - 1)
            yield Unit(start, end, text, sum(sizes[first:last]), self.block, number > 0)

    def _atoms(self, start: int, end: int, levels: list[re.Pattern[str]]) -> Iterator[tuple[int, int, int]]:
        """(start, end, tokens) of the smallest ranges that need no finer cut."""
        if not levels:
            yield from self._graphemes(start, end)
            return
        for first, last in _ranges(self.source, start, end, levels[0]):
            tokens = self.count(self.source[first:last]) + 1  # what separates it from the next
            if tokens <= self.limit:
                yield first, last, tokens
            else:
                yield from self._atoms(first, last, levels[1:])

    def _graphemes(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Runs of at most limit / 4 characters (no character is more than four tokens), whole graphemes."""
        step = max(1, self.limit // 4)
        while start < end:
            stop = min(start + step, end)
            while stop < end and _joins(self.source, stop) and stop - start < 2 * step:
                stop += 1
            yield start, stop, self.count(self.source[start:stop]) + 1
            start = stop

    def _rank(self, start: int) -> tuple[int, int]:
        """Code is cut best before a line at the margin that follows a blank one, and better at the margin than inside."""
        key = crc32(self.source[start : start + KEY_CHARS].encode())
        if not self.by_lines or self.block.kind == "table":
            return 0, key
        blank = self.source[max(start - 2, 0) : start].endswith(("\n\n", "\r\n")) and self.source[max(start - 4, 0) : start].strip(" \t\r\n") == ""
        margin = self.source[start : start + 1] not in " \t"
        return 2 * blank + margin, key

    def _rendering(self, start: int, end: int, first: bool, last: bool) -> str:
        piece = self.source[start:end]
        if not self.by_lines:
            return plain(QUOTE_MARK.sub("", piece)).strip()
        before = "" if first or not self.repeats else self.block.prefix
        after = "\n" + self.closing if self.block.kind == "fence" and self.repeats and not last else ""
        return before + piece + after


def _ranges(source: str, start: int, end: int, separator: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The non-blank ranges of start..end between separators, white space at their ends left out."""
    for match in separator.finditer(source, start, end):
        yield from _trimmed(source, start, match.end())
        start = match.end()
    yield from _trimmed(source, start, end)


def _trimmed(source: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = source[start:end]
    if piece.strip():
        yield start, end - (len(piece) - len(piece.rstrip()))


def _joins(source: str, position: int) -> bool:
    """Whether the character at `position` belongs to the one before it (marks, joiners, the second half of a flag)."""
    character = source[position]
    return (
        character in JOINERS
        or source[position - 1] == "\u200d"
        or unicodedata.combining(character) > 0
        or 0x1F3FB <= ord(character) <= 0x1F3FF
        or unicodedata.category(character) in {"Mn", "Mc", "Me"}
    )

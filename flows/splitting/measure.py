"""A file's text and the tokens of its ranges, each counted once.

Tokens are counted with the line ends that follow a range. Encodings such as cl100k_base and o200k_base never join characters
across a line end and the next line's first one, so the tokens of consecutive lines add up exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from flows.reading.inline_syntax import COMMON_MARK, InlineSyntax
from flows.reading.long_targets import without
from shared.models import BlockKind, ChunkBlock
from shared.tokens import CountTokens

KEY_CHARS = 32
"""A range's first characters make its boundary's rank: few enough that most edits leave them alone."""
TOKEN_CHARS = 3
"""A text of fewer characters a token than this is likely under the limit, and counted whole; others by their parts."""
LINE_ENDS = re.compile(r"\s*[\r\n]|\s*\Z")


class Unit(NamedTuple):
    """A range of the file that a chunk takes or leaves whole."""

    start: int
    end: int
    stop: int
    """`end` and the line ends that follow."""
    text: str
    """Cleaned rendering."""
    tokens: int
    """Of start..stop, or of the rendering where that is longer."""
    kind: BlockKind
    heading: int
    inner: tuple[ChunkBlock, ...] = ()
    """What stands inside it, as in `Block`."""
    exact: bool = True
    """Whether `tokens` adds up with those of its neighbours: false inside a line, and for imported text."""
    continued: bool = False
    """Whether the unit begins inside its block."""
    repeated: tuple[int, int] = (0, 0)
    """Characters at the beginning and the end of `text` that only a part has: a table's header, a fence's marks."""

    @property
    def key(self) -> int:
        """What the unit begins with, as a number."""
        return crc32(self.text[:KEY_CHARS].encode())


def key_of(text: str, start: int = 0) -> int:
    """What `text` says at `start`, as a number."""
    return crc32(text[start : start + KEY_CHARS].encode())


@dataclass(frozen=True, slots=True)
class MeasuredText:
    """A file's text, and how long a range of it may be."""

    text: str
    limit: int
    """In tokens."""
    count: CountTokens
    syntax: InlineSyntax | None = COMMON_MARK
    """How its inline markup is read; None: it holds none any more."""
    unseen: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Ranges that no reader sees and that count for nothing: long link targets."""
    tails: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """What `tail` has found: last words, most of them fence marks, and the line ends behind them."""

    def tokens(self, start: int, end: int) -> int:
        """Tokens of a range."""
        return self.count(self.seen(start, end) if self.unseen else self.text[start:end])  # a call less: it is asked most often

    def seen(self, start: int, end: int) -> str:
        """A range as it counts."""
        return without(self.text, self.unseen, start, end) if self.unseen else self.text[start:end]

    def stop(self, end: int) -> int:
        """The offset behind the line ends that follow `end`."""
        match = LINE_ENDS.match(self.text, end)
        return match.end() if match else end

    def tail(self, end: int, stop: int) -> int:
        """Tokens that the line ends end..stop add to what stands before them."""
        if stop == end:
            return 0
        line = self.text.rfind("\n", 0, end) + 1
        word = max(line, self.text.rfind(" ", line, end))
        tail = self.text[word:end], self.text[end:stop]
        if tail not in self.tails:
            self.tails[tail] = self.count(tail[0] + tail[1]) - self.count(tail[0])
        return self.tails[tail]

    def short(self, start: int, end: int) -> bool:
        """Whether the range is likely to fit, so that counting it whole is worth it."""
        return (len(self.seen(start, end)) if self.unseen else end - start) <= TOKEN_CHARS * self.limit

    def fits(self, tokens: int, end: int, stop: int) -> bool:
        """Whether a range of so many tokens, the line ends end..stop included, is within the limit without them."""
        return tokens <= self.limit or tokens - self.tail(end, stop) <= self.limit

    def gap(self, start: int, end: int) -> int:
        """Tokens of what stands between two blocks: none where it is white space."""
        between = self.text[start:end]
        return self.tokens(start, end) if between.strip() else 0

"""Emphasis and strikethrough: which marks pair and go, and which are text and stay (CommonMark 0.31, 6.2)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

MAX_OPEN_RUNS = 100
"""Marks that wait for their end at most: more are no emphasis, and the search for the end stays short."""


@dataclass(slots=True)
class _DelimiterRun:
    """A run of marks that waits for its end."""

    mark: str
    index: int
    """Of its text in the pieces that are rendered."""
    left: int
    """Marks not paired yet."""
    size: int
    closes: bool


class Emphases:
    """The runs of a text that may still be closed, innermost last."""

    def __init__(self) -> None:
        self.open: list[_DelimiterRun] = []

    def add(self, text: str, start: int, end: int, out: list[str]) -> None:
        """Append to `out` what is text of the run of marks start..end, once it has closed what it can."""
        mark, size = text[start], end - start
        opens, closes = _flanking(mark, text[start - 1 : start] or " ", text[end : end + 1] or " ")
        left = self._pair(mark, size, opens, out) if closes else size
        if opens and left and len(self.open) < MAX_OPEN_RUNS:
            self.open.append(_DelimiterRun(mark, len(out), left, size, closes))
        out.append(mark * left)

    def forget(self, index: int) -> None:
        """Let runs behind piece `index` wait no more."""
        while self.open and self.open[-1].index > index:
            self.open.pop()

    def _pair(self, mark: str, size: int, opens: bool, out: list[str]) -> int:
        """Close what a run of `size` marks closes, innermost first; how many of them are left."""
        left, index = size, len(self.open)
        while left and index:
            index -= 1
            opener = self.open[index]
            threes = (opens or opener.closes) and (opener.size + size) % 3 == 0 and not opener.size % 3 == size % 3 == 0
            if opener.mark != mark or threes:
                continue
            used = min(left, opener.left)
            left -= used
            del self.open[index + (used < opener.left) :]
            opener.left -= used
            out[opener.index] = mark * opener.left
            index += opener.left > 0
        return left


def _flanking(mark: str, before: str, after: str) -> tuple[bool, bool]:
    """Whether a run of `mark` between these characters can open, and can close, emphasis."""
    if before.isspace() and after.isalnum():  # where most begin
        return True, False
    left = not after.isspace() and (not _is_punctuation(after) or before.isspace() or _is_punctuation(before))
    right = not before.isspace() and (not _is_punctuation(before) or after.isspace() or _is_punctuation(after))
    if mark in "_=":  # "=": PyMdown's mark, which is smart in the same way
        return left and (not right or _is_punctuation(before)), right and (not left or _is_punctuation(after))
    return left, right


def _is_punctuation(character: str) -> bool:
    return not character.isalnum() and unicodedata.category(character)[0] in "PS"

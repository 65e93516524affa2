"""A text by its lines."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import NamedTuple

CONTAINERS = r"(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])[ \t])*"
"""What may stand before a block on its line: margins, quote marks, list marks."""
LINE_END = re.compile(r"\r\n?|\n")


class SourceLines(NamedTuple):
    """A text, its lines, and where they start."""

    text: str
    lines: list[str]
    """Without their ends."""
    starts: list[int]
    """Offset of each line, and of the end of the text."""


def lines_of(text: str) -> SourceLines:
    """`text` by its lines; line feed, carriage return and both together end one (CommonMark 2.1)."""
    if "\r" in text:
        return SourceLines(text, LINE_END.split(text), [0, *[match.end() for match in LINE_END.finditer(text)], len(text)])
    lines = text.split("\n")
    starts = [*accumulate([len(line) + 1 for line in lines], initial=0)]
    starts[-1] = len(text)
    return SourceLines(text, lines, starts)


def with_line_feeds(source: SourceLines) -> SourceLines:
    """The same lines, all ended by line feeds."""
    return lines_of("\n".join(source.lines)) if "\r" in source.text else source

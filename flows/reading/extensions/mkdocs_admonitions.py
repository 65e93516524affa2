"""MkDocs' indented admonitions and tabs as plain Markdown of as many lines.

`!!! note "Title"`, `??? tip`, `???+ tip` (Python-Markdown admonition, PyMdown details) and `=== "Tab"` (PyMdown tabbed) hold
what is indented by four columns below them; that margin goes, so that a heading or fence inside is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flows.reading.extensions.prepared import STAND_IN, Aside
from flows.reading.lines import CONTAINERS

ADMONITION = re.compile(
    r"""(?P<margin>[ \t]*)(?:(?:!!!|\?\?\?\+?)[ \t]+(?P<name>[\w-]+)(?:[ \t]+[\w-]+)*(?:[ \t]+"(?P<title>[^"\n]*)")?
    |===[!+]{0,2}[ \t]+"(?P<tab>[^"\n]+)")[ \t]*$""",
    re.VERBOSE,
)
MARKED = frozenset("!?=")
"""What the first of its lines begins with."""
QUOTE_MARK = re.compile(r" {0,3}> ?")
FENCE = re.compile(rf"{CONTAINERS}(`{{3,}}(?=[^`]*$)|~{{3,}})")
COLUMNS = 4


@dataclass(frozen=True, slots=True)
class DedentedLines:
    """Lines whose admonitions lost their margin."""

    lines: list[str]
    asides: list[Aside]
    """The titles."""
    regions: list[tuple[int, int]]
    """Lines (0-based, end exclusive) of each admonition."""


def dedent_admonitions(lines: Sequence[str]) -> DedentedLines:
    """As many lines, and no MkDocs admonition in them, nor in the quotes among them."""
    dedented = _Dedenter().run(lines)
    reader, number = _Dedenter(), 0
    while number < len(lines):
        last = number
        while last < len(lines) and not reader.fence and QUOTE_MARK.match(dedented.lines[last]):
            last += 1
        if last > number:
            _dedent_quote(dedented, number, last)
        else:
            reader.in_fence(dedented.lines[number])
        number = max(last, number + 1)
    return dedented


def _dedent_quote(dedented: DedentedLines, first: int, last: int) -> None:
    """The same for what is quoted in lines first..last-1, which is taken out of its marks and put back."""
    quoted = dedented.lines[first:last]
    marks = [match[0] if (match := QUOTE_MARK.match(line)) else "" for line in quoted]
    inner = dedent_admonitions([line[len(mark) :] for mark, line in zip(marks, quoted, strict=True)])
    dedented.lines[first:last] = [f"{mark}{line}" for mark, line in zip(marks, inner.lines, strict=True)]
    dedented.asides.extend(Aside(first + aside.line, first + aside.end_line, aside.text) for aside in inner.asides)


class _Dedenter:
    """One pass over the lines; `open` holds (first line, column of the content) of each admonition around the line."""

    def __init__(self) -> None:
        self.open: list[tuple[int, int]] = []
        self.fence = ""
        self.asides: list[Aside] = []
        self.regions: list[tuple[int, int]] = []

    def run(self, lines: Sequence[str]) -> DedentedLines:
        out = [self._line(number, line) for number, line in enumerate(lines)]
        self._close(-1, len(lines))
        return DedentedLines(out, self.asides, self.regions)

    def _line(self, number: int, line: str) -> str:
        if not line or line.isspace():
            return line
        content = line.lstrip(" \t")
        column = len(line[: len(line) - len(content)].expandtabs(COLUMNS))
        if not self.fence:
            self._close(column, number)
        outer = COLUMNS * len(self.open)
        line = " " * max(column - outer, 0) + content if self.open else line
        mark = None if self.in_fence(line) else ADMONITION.match(line)
        if mark is None:
            return line
        self.open.append((number, column + COLUMNS))
        title = mark["tab"] or (mark["name"].capitalize() if mark["title"] is None else mark["title"])
        if column > outer:  # inside a list item, whose text it must stay part of
            return mark["margin"] + title
        self.asides.append(Aside(number, number + 1, title))
        return STAND_IN

    def in_fence(self, line: str) -> bool:
        """Whether `line` belongs to fenced code, its opening and closing lines included."""
        mark = FENCE.match(line)
        if self.fence:
            if mark and mark[1].startswith(self.fence) and not line[mark.end() :].strip():
                self.fence = ""
            return True
        self.fence = mark[1] if mark else ""
        return bool(mark)

    def _close(self, column: int, number: int) -> None:
        """End the admonitions whose content starts right of `column`."""
        while self.open and column < self.open[-1][1]:
            self.regions.append((self.open.pop()[0], number))

"""The lines of a page as they are prepared, and what may be done to them."""

from __future__ import annotations

import re
from bisect import bisect_right

from flows.reading.extensions.comments import Comments
from flows.reading.extensions.prepared import STAND_IN, Aside, Include, Prepared
from flows.reading.lines import SourceLines
from shared.models import Problem

ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
MAX_MARGIN = 3
"""Columns that make no indented code (CommonMark 4.4)."""
MAX_LINES_BACK = 200
"""How far above a mark its list item is looked for."""
MAX_OPEN_ELEMENTS = 200
"""Elements around a line: a closing tag looks no further out for its opening one."""


class PageLines:
    """The lines, and what was found on the way; what handles a mark is given this, and returns the line to go on with."""

    def __init__(self, prepared: Prepared, source: SourceLines, path: str, kind: str = "") -> None:
        """`kind`: of the site, as in `Site`."""
        self.result = prepared
        self.lines = prepared.lines
        self.path = path
        self.kind = kind
        self.text, _, self.starts = source
        self.imports: dict[str, Include] = {}
        """Files by the names they are imported under."""
        self.open: list[tuple[str, int]] = []
        """Names and lines of the elements and containers around the line."""
        self.waiting: list[Aside] = []
        """Of the tags that are being taken out."""
        self.fence = ""
        """Opening mark of the fence around the line."""
        self.failed = 0
        """Tags that did not end."""
        self.comments = Comments(self.text)

    def drop(self, first: int, end: int, instead: str = "") -> int:
        """Blank what stands between line `first` and offset `end`; the line behind it."""
        last = bisect_right(self.starts, end) - 1
        if end == self.starts[last] and last > first:
            last -= 1
        rest = self.lines[last][end - self.starts[last] :]
        self.lines[first : last + 1] = [""] * (last - first) + [instead + rest.lstrip()]
        return last + 1

    def set_aside(self, aside: Aside, prefix: str) -> None:
        """Let a stand-in take the place of `aside`, as far in as that stood; where other text is left, it goes before it."""
        line = self.lines[aside.line]
        if line.strip(" \t") in {"", STAND_IN, prefix.strip()}:
            self.lines[aside.line] = prefix + STAND_IN
            self.result.asides.append(aside)
        elif aside.partial:
            self.problem(aside.line, aside.partial.left_out("other text stands beside it"))
        elif aside.text:
            self.lines[aside.line] = f"{prefix}{aside.text} {line.lstrip()}"

    def begins_block(self, number: int) -> bool:
        """Whether no text stands right above the line."""
        return number == 0 or self.lines[number - 1].strip() in {"", STAND_IN}

    def is_code(self, number: int, prefix: str) -> bool:
        """Whether the margin before a mark makes it indented code: none does in MDX, nor one that is a list item's."""
        columns = len(prefix.expandtabs(4))
        if self.result.mdx or prefix.strip() or columns <= MAX_MARGIN:
            return False
        outermost = columns
        for line in reversed(self.lines[max(number - MAX_LINES_BACK, 0) : number]):
            margin = len(line) - len(line.lstrip())
            if not line.strip() or margin >= outermost:
                continue
            if item := ITEM.match(line):
                return columns - item.end() > MAX_MARGIN
            outermost = margin
            if not margin:
                break
        return True

    def problem(self, number: int, reason: str) -> None:
        """Report what is wrong at a line."""
        self.result.problems.append(Problem(path=self.path, line=number + 1, reason=reason, skipped=False))

    def rest(self, offset: int) -> str:
        """What stands on the line behind `offset`."""
        end = self.text.find("\n", offset)
        return self.text[offset : end if end >= 0 else len(self.text)].strip()

    def close(self, name: str, end: int) -> None:
        """The innermost element or container `name` ends before line `end`."""
        for index in range(len(self.open) - 1, max(len(self.open) - MAX_OPEN_ELEMENTS, 0) - 1, -1):
            if self.open[index][0] == name:
                self.result.regions.append((self.open[index][1], end))
                del self.open[index:]
                return

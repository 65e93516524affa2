"""Comments, which no reader sees: those of HTML, which Docusaurus takes in MDX too, and those of MDX."""

from __future__ import annotations

import re

OPENING = re.compile(r"<!--|\{\s*/\*")
ENDS = {"-->": re.compile("-->"), "*/": re.compile(r"\*/\s*+(?:/\*(?>.*?\*/)\s*+)*+\}", re.DOTALL)}
"""What ends a comment, by the mark it begins with; braces may hold several."""


class Comments:
    """Where the comments of one text end. Each end is looked for once, so that hostile input stays linear."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, tuple[int, int]] = {}
        """The last mark looked for, and the offset behind the end it is; -1 where it is none."""

    def end(self, start: int) -> int:
        """The offset behind the comment that begins at `start`; -1 where none does or it does not end. Starts only rise."""
        opening = OPENING.match(self.text, start)
        if opening is None:
            return -1
        mark, behind = ("-->", start + 2) if opening[0] == "<!--" else ("*/", opening.end())
        position, end = self.found.get(mark, (-1, -1))
        if position < behind:
            position = self.text.find(mark, behind)
            whole = ENDS[mark].match(self.text, position) if position >= 0 else None
            end = whole.end() if whole else -1
            self.found[mark] = (position if position >= 0 else len(self.text), end)
        return end

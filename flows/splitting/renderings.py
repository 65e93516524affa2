"""What a range of one block says: a part of the block's own rendering, so that a block that is cut reads as a whole one does.

A cut may go through a link, its target or emphasis: the block is rendered once, and every offset of the file has a place in
what came out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from flows.reading.blocks import ALERT, UNSEEN
from flows.reading.document import Block
from flows.reading.inline import METHODS, Renderer
from flows.reading.inline_syntax import InlineSyntax
from flows.reading.lines import lines_of

FILLER = "\x1f"
"""White space that stands for what is no part of the text, so that offsets stay; it goes in the end."""
QUOTE_MARKS = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
HARD_BREAK = re.compile(r"\\(?=\r?\n)")


class Prose:
    """The rendering of a paragraph, an item or HTML."""

    def __init__(self, text: str, block: Block, syntax: InlineSyntax) -> None:
        """`text`: of the file."""
        self.start = block.start
        written, self.before, self.behind = _with_templates(text[block.start : block.end], syntax.templates)
        if ">" in written:
            written = QUOTE_MARKS.sub(_filler, written)
        written = HARD_BREAK.sub(FILLER, written)
        if block.kind == "html":
            written = UNSEEN.sub(_filler, written)
        written = _on_one_line(written)
        self.lead = ""
        if alert := ALERT.match(written.lstrip(FILLER)):
            self.lead = f"{alert[1].capitalize()}: "
            at = len(written) - len(written.lstrip(FILLER)) + alert.end()
            written = FILLER * at + written[at:]
        self.rendered, self.offsets, self.places = _trace(written, syntax)

    def of(self, start: int, end: int) -> str:
        """What start..end of the file says."""
        said = self.rendered[self._place(start) : self._place(end)].replace(FILLER, "").strip()
        return self.lead + said if start == self.start else said

    def _place(self, offset: int) -> int:
        at = _moved(offset - self.start, self.before, self.behind)
        return _moved(at, self.offsets, self.places, len(self.rendered))


class Rows:
    """The rendering of a table, code or a formula, line by line: each line of the file is one of its own."""

    def __init__(self, text: str, block: Block, syntax: InlineSyntax) -> None:
        """`text`: of the file."""
        self.text = text
        self.block = block
        self.syntax = syntax
        self.rows = block.text.split("\n")
        if block.kind == "math":
            self.rows = ["", *self.rows, ""]
        self.starts = [block.start + start for start in lines_of(text[block.start : block.end]).starts[:-1]]

    def of(self, start: int, end: int) -> str:
        """What start..end of the file says; its lines as the block has them."""
        first, last = self._line(start), self._line(max(start, end - 1))
        if first == last and (start > self.starts[first] or not self._ends_line(end, last)):
            return self._part(first, start, end)
        rows = self.rows[first : last + 1]
        if start > self.starts[first]:
            rows[0] = self._part(first, start, self._line_end(first))
        if not self._ends_line(end, last):
            rows[-1] = self._part(last, self.starts[last], end)
        return "\n".join(rows)

    def _line(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def _line_end(self, line: int) -> int:
        return self.starts[line + 1] if line + 1 < len(self.starts) else self.block.end

    def _ends_line(self, end: int, line: int) -> bool:
        return not self.text[end : self._line_end(line)].strip()

    def _part(self, line: int, start: int, end: int) -> str:
        """Of one line: of a table's row as it is rendered, of code as written, without the margin that is not its own."""
        if self.block.kind == "table":
            row = Block("paragraph", self.starts[line], self._line_end(line), "", self.block.heading)
            return Prose(self.text, row, self.syntax).of(start, end)
        whole = self.rows[line] if line < len(self.rows) else ""
        margin = max(self.text.find(whole, self.starts[line], self._line_end(line)), self.starts[line])
        return whole[max(start - margin, 0) : max(end - margin, 0)].rstrip()


class AsWritten:
    """The rendering of text that is one already: of a file that a page includes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def of(self, start: int, end: int) -> str:
        """start..end of it."""
        return self.text[start:end]


def _moved(offset: int, before: Sequence[int], behind: Sequence[int], end: int | None = None) -> int:
    """Where `offset` is when what was at `before` is at `behind`, and what ends both at `end`."""
    step = bisect_right(before, offset) - 1
    moved = behind[step] + offset - before[step]
    following = behind[step + 1] if step + 1 < len(behind) else end
    return moved if following is None else min(moved, following)


def _with_templates(text: str, templates: Mapping[str, str]) -> tuple[str, list[int], list[int]]:
    """`text` with what each template tag shows in its place, and offsets in `text` beside those they have there."""
    tags = [re.escape(tag) for tag in sorted(templates, key=len, reverse=True) if tag in text]
    before, behind, out, at, length = [0], [0], list[str](), 0, 0
    for tag in re.finditer("|".join(tags), text) if tags else ():
        out += [text[at : tag.start()], templates[tag[0]]]
        length += tag.start() - at
        before += [tag.start(), tag.start() + 1, tag.end()]
        behind += [length, length + len(out[-1]), length + len(out[-1])]
        at, length = tag.end(), behind[-1]
    return "".join([*out, text[at:]]), before, behind


def _on_one_line(text: str) -> str:
    """`text` with a space for each line end and the white space around it, as long as it was."""
    first, *lines = text.split("\n")
    out = [first]
    for line in lines:
        before, said = out[-1].rstrip(" \t\r"), line.lstrip(" \t")
        gap = len(out[-1]) - len(before) + len(line) - len(said)
        out[-1] = before
        out += [" " + FILLER * gap, said]
    return "".join(out)


def _filler(match: re.Match[str]) -> str:
    return FILLER * len(match[0])


def _trace(text: str, syntax: InlineSyntax) -> tuple[str, list[int], list[int]]:
    """`text`, of one line, as a reader sees it, and offsets in `text` beside those they have there.

    Between two of the offsets all is as written, or one piece of markup. Both lists rise, and begin with 0.
    """
    renderer = Renderer(text, syntax)
    out, position, steps = renderer.out, 0, [(0, 0)]
    while match := renderer.special.search(text, position):
        start = match.start()
        if start > position:
            out.append(text[position:start])
        steps.append((start, len(out)))
        position = METHODS[text[start]](renderer, start)
        if position == start:
            out.append(text[start])
            position += 1
        steps.append((position, len(out)))
    out.append(text[position:])
    ends = [0, *accumulate(map(len, out))]
    return "".join(out), [offset for offset, _ in steps], [ends[pieces] for _, pieces in steps]

"""Constructs that are one token each, where markdown-it makes three or more: headings, tables, lists of single lines, fences.

A table's cells are not needed (and a row of 600 takes no longer than one of six). A fence at the margin is found by searching
for its closing mark; markdown-it walks over the code line by line. Lists whose items may be longer than a line, and fences in
lists and quotes, are markdown-it's own.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from markdown_it.common.utils import mdTrim
from markdown_it.rules_block import StateBlock, fence, list_block
from markdown_it.token import Token

Rule = Callable[[StateBlock, int, int, bool], bool]
LIST = frozenset({"list"})
STARTS = {
    "#": frozenset({"heading"}),
    "`": frozenset({"fence"}),
    "~": frozenset({"fence", "deflist"}),
    ">": frozenset({"blockquote"}),
    "-": frozenset({"hr", "list"}),
    "*": frozenset({"hr", "list"}),
    "_": frozenset({"hr"}),
    "<": frozenset({"html_block"}),
    "[": frozenset({"reference", "footnote_def"}),
    **dict.fromkeys("+0123456789", LIST),
    ":": frozenset({"deflist"}),
}
"""The rules that a line's first character makes possible."""
DELIMITER_ROW = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
ITEM = re.compile(
    r"""([-*+]|\d{1,9}[.)])[ ]{1,4}
    (?![#><]|```|~~~|[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$)|\[[^\]]*\]:|(?:[-*_][ \t]*){3,}$)  # no block inside the item
    (\S.*)""",
    re.VERBOSE,
)
MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
MAX_LEVEL = 6
"""Of a heading."""
CELL_END = re.compile(r"(?<!\\)\|")
NOTHING: dict[Any, Any] = {}


class Leaf(Token):
    """A token that stands for a whole construct; made in a third of the time, most of which goes into two dictionaries."""

    __slots__ = ()

    def __init__(
        self, state: StateBlock, kind: str, first: int, content: str = "", *, markup: str = "", info: str = ""
    ) -> None:
        """The construct from line `first` up to the state's."""
        self.type = kind
        self.tag = ""
        self.nesting = 0
        self.attrs = self.meta = NOTHING
        self.map = [first, state.line]
        self.level = state.level
        self.children = None
        self.content = content
        self.markup = markup
        self.info = info
        self.block = True
        self.hidden = False
        state.tokens.append(self)


def page_heading(state: StateBlock, first: int, _: int, silent: bool) -> bool:
    """An ATX heading (CommonMark 4.2)."""
    line = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[first]]
    content = line.lstrip("#")
    level = len(line) - len(content)
    if not 1 <= level <= MAX_LEVEL or content[:1] not in {"", " ", "\t"} or state.is_code_block(first):
        return False
    if not silent:
        content = content.rstrip(" \t")
        closed = content.rstrip("#")
        state.line = first + 1
        Leaf(state, "heading", first, mdTrim(closed if closed[-1:] in {" ", "\t"} else content)).tag = f"h{level}"
    return True


def page_table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A table (GFM 4.10) as one token; markdown-it's rule makes three for every cell."""
    line = first + 1
    start = state.bMarks[line] + state.tShift[line]
    if line >= last or not state.src.startswith(("|", "-", ":"), start):
        return False
    end = state.eMarks[line]
    if state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return False
    if state.src[start : min(start + 2, end)] in {"-", ":", "|", "- ", "-\t"}:  # "- " starts a list
        return False
    if not DELIMITER_ROW.fullmatch(state.src, start, end):
        return False
    header = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[first]]
    if "|" not in header or state.is_code_block(first) or _cells(header) != _cells(state.src[start:end]):
        return False
    if not silent:
        state.line = _table_end(state, first, last)
        Leaf(state, "table", first)
    return True


def _cells(row: str) -> int:
    """How many cells a row has; a pipe at either end makes none."""
    cells = CELL_END.split(row.strip(" \t"))
    return len(cells) - (cells[0] == "") - (len(cells) > 1 and cells[-1] == "")


def _table_end(state: StateBlock, first: int, last: int) -> int:
    parent, state.parentType = state.parentType, "table"
    rules = state.md.block.ruler.getRules("blockquote")
    line = first + 2
    while line < last and state.sCount[line] >= state.blkIndent and not state.isEmpty(line):
        mark = state.src[state.bMarks[line] + state.tShift[line]]
        if state.is_code_block(line) or (mark in STARTS and any(rule(state, line, last, True) for rule in rules)):
            break
        line += 1
    state.parentType = parent
    return line


def page_list(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A list; one at the margin, outside others and quotes, whose items are single lines, as one token."""
    items = [] if silent or state.level or state.sCount[first] else _single_lines(state, first, last)
    if not items:
        return list_block(state, first, last, silent)
    state.line = items[-1][0] + 1
    Leaf(state, "items", first).meta = {"items": items}
    return True


def _single_lines(state: StateBlock, first: int, last: int) -> list[tuple[int, re.Match[str]]]:
    """(line, match) of the items; none where one of them may be longer than its line."""
    items: list[tuple[int, re.Match[str]]] = []
    for line in range(first, last):
        if state.isEmpty(line):
            continue
        if state.sCount[line]:
            return []
        item = ITEM.fullmatch(state.src, state.bMarks[line], state.eMarks[line])
        if item is not None and (not items or item[1][-1] == items[0][1][1][-1]):
            items.append((line, item))
        elif item is None and MARKER.match(state.src, state.bMarks[line], state.eMarks[line]):
            return []
        else:
            return [] if items and items[-1][0] == line - 1 else items  # right below an item, its text may go on
    return items


def page_fence(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A fence; one at the margin, outside lists and quotes, is found by searching for its closing mark."""
    start = state.bMarks[first]
    mark = state.src[start : start + 3]
    if silent or mark not in {"```", "~~~"} or state.blkIndent or last != state.lineMax or state.bsCount[first]:
        return fence(state, first, last, silent)
    opening = state.src[start : state.eMarks[first]]
    info = opening.lstrip(mark[0])
    markup = opening[: len(opening) - len(info)]
    if mark[0] == "`" and "`" in info:
        return False
    closing = _closing(state, first, markup)
    state.line = min(closing + 1, last)
    Leaf(state, "fence", first, state.src[state.bMarks[first + 1] : state.eMarks[closing - 1] + 1], markup=markup, info=info)
    return True


def _closing(state: StateBlock, first: int, markup: str) -> int:
    """The line that closes the fence opened in line `first`; that behind the last one where none does."""
    position = state.src.find(markup, state.eMarks[first])
    while position >= 0:
        line = bisect_left(state.bMarks, position + 1) - 1
        rest = state.src[position : state.eMarks[line]]
        at_margin = position == state.bMarks[line] + state.tShift[line]
        if at_margin and not rest.lstrip(markup[0]).strip(" \t") and not state.is_code_block(line):
            return line
        position = state.src.find(markup, state.eMarks[line])
    return state.lineMax

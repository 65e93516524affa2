"""Block rules for whole books: the blocks markdown-it-py finds, in half its time.

markdown-it tries eleven rules, one call each, at every line that may start a block, and at every further line of a paragraph;
and it walks over the code in a fence line by line. Here a line's first character says which rules can match at all, a fence at
the margin is found by searching for its closing mark, paragraphs and setext headings are one scan instead of two, and a
paragraph is one token. So is a table: its cells are not needed (and a row of 600 takes no longer than one of six); and so is an
item of a list whose items are single lines. Other lists, quotes, headings, link definitions and HTML blocks are markdown-it's
own.
`tests/test_blockrules.py` compares the blocks with those of markdown-it's rules.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock, fence, list_block

from flows.markup.prepared import STAND_IN

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
ANYWHERE = frozenset({"table", "code", "lheading", "deflist", "paragraph"})
"""The rules that any first character leaves."""
DELIMITER_ROW = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
UNDERLINE = re.compile(r"(=+|-+)[ \t]*")
ITEM = re.compile(
    r"""([-*+]|\d{1,9}[.)])[ ]{1,4}
    (?![#><]|```|~~~|[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$)|\[[^\]]*\]:|(?:[-*_][ \t]*){3,}$)  # no block inside the item
    (\S.*)""",
    re.VERBOSE,
)
MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
CELL_END = re.compile(r"(?<!\\)\|")


class PageParser(ParserBlock):
    """markdown-it's block parser with the rules of this module; `settle()` it once plugins are in."""

    def __init__(self) -> None:
        super().__init__()
        self.ruler.at("fence", page_fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.ruler.at("list", page_list, {"alt": ["paragraph", "reference", "blockquote"]})
        self.ruler.at("table", page_table, {"alt": ["paragraph", "reference"]})
        self.ruler.at("paragraph", self.paragraph)
        self.starting: dict[str, list[Rule]] = {}
        self.anywhere: list[Rule] = []
        self.ending: dict[str, list[Rule]] = {}
        """Those that may end a paragraph."""

    def settle(self) -> None:
        """Take the rules as they are now enabled."""
        if "deflist" not in self.ruler.get_active_rules():  # which comes between the two
            self.ruler.disable("lheading")  # paragraph() does it
        rules = list(zip(self.ruler.get_active_rules(), self.ruler.getRules(""), strict=True))
        ending = self.ruler.getRules("paragraph")
        self.anywhere = [rule for name, rule in rules if name in ANYWHERE]
        for first, names in STARTS.items():
            self.starting[first] = [rule for name, rule in rules if name in ANYWHERE or name in names]
            self.ending[first] = [rule for name, rule in rules if name in names | {"table"} and rule in ending]

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803  the base class's names
        """`ParserBlock.tokenize`, with the rules chosen by the line's first character."""
        starting, anywhere = self.starting, self.anywhere
        line, empty = startLine, False
        while line < endLine:
            state.line = line = state.skipEmptyLines(line)
            if line >= endLine or state.sCount[line] < state.blkIndent:
                break
            if state.level >= state.md.options.maxNesting:
                state.line = endLine
                break
            for rule in starting.get(state.src[state.bMarks[line] + state.tShift[line]], anywhere):
                if rule(state, line, endLine, False):
                    break
            state.tight = not empty
            line = state.line
            if line - 1 < endLine and state.isEmpty(line - 1):
                empty = True
            if line < endLine and state.isEmpty(line):
                empty = True
                line += 1
                state.line = line

    def paragraph(self, state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: ARG002  a rule's signature
        """A paragraph, or the setext heading it turns out to be (CommonMark 4.3 and 4.8)."""
        parent, state.parentType = state.parentType, "paragraph"
        line, level = self._paragraph_end(state, first, last)
        content = state.getLines(first, line, state.blkIndent, False).strip(" \t\n\r")
        state.line = line + 1 if level else line
        state.parentType = parent
        if not level:
            token = state.push("paragraph", "p", 0)
            token.content, token.map = content, [first, line]
            return True
        state.push("heading_open", f"h{level}", 1).map = [first, state.line]
        state.push("inline", "", 0).content = content
        state.push("heading_close", f"h{level}", -1)
        return True

    def _paragraph_end(self, state: StateBlock, first: int, last: int) -> tuple[int, int]:
        """The line behind the paragraph's text, and the level of the heading an underline there makes it; 0 for none."""
        for line in range(first + 1, state.lineMax):
            start, end, margin = state.bMarks[line] + state.tShift[line], state.eMarks[line], state.sCount[line]
            if start >= end:
                return line, 0
            if margin - state.blkIndent > 3 and (state.is_code_block(line) or state.src[start:end] != STAND_IN):
                continue  # a lazy continuation, whatever is there; but for MDX no margin is too wide
            mark = state.src[start]
            if mark in "=-" and line < last and margin >= state.blkIndent and UNDERLINE.fullmatch(state.src, start, end):
                return line, 1 if mark == "=" else 2
            if margin < 0:  # in a quote: its rule has already looked at this line
                continue
            rules = self.ending.get(mark)
            if page_table(state, line, state.lineMax, True) if rules is None else _any(rules, state, line, state.lineMax):
                return line, 0
        return state.lineMax, 0


def _any(rules: Sequence[Rule], state: StateBlock, line: int, last: int) -> bool:
    """Whether one of the rules matches at `line`."""
    return any(rule(state, line, last, True) for rule in rules)


def page_table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A table (GFM 4.10) as one token; markdown-it's rule makes three for every cell."""
    line = first + 1
    if line >= last or state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return False
    start, end = state.bMarks[line] + state.tShift[line], state.eMarks[line]
    row = state.src[start : min(start + 2, end)]
    if row[:1] not in {"|", "-", ":"} or row in {"-", ":", "|", "- ", "-\t"}:  # "- " starts a list
        return False
    if not DELIMITER_ROW.fullmatch(state.src, start, end):
        return False
    header = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[first]]
    if "|" not in header or state.is_code_block(first) or _cells(header) != _cells(state.src[start:end]):
        return False
    if not silent:
        state.line = _table_end(state, first, last)
        state.push("table", "table", 0).map = [first, state.line]
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
        if state.is_code_block(line) or (mark in STARTS and _any(rules, state, line, last)):
            break
        line += 1
    state.parentType = parent
    return line


def page_list(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A list; one at the margin, outside others and quotes, whose items are single lines, as one token for each item."""
    items = [] if silent or state.level or state.sCount[first] else _single_lines(state, first, last)
    if not items:
        return list_block(state, first, last, silent)
    for line, item in items:
        token = state.push("item", "li", 0)
        token.map, token.content = [line, line + 1], item[2].rstrip(" \t")
        token.markup, token.info = item[1][-1], item[1][:-1]
    state.line = items[-1][0] + 1
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
    token = state.push("fence", "code", 0)
    token.info, token.markup, token.map = info, markup, [first, state.line]
    token.content = state.src[state.bMarks[first + 1] : state.eMarks[closing - 1] + 1]
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

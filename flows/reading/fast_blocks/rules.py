"""Block rules for whole books: the blocks markdown-it-py finds, in a third of its time.

markdown-it tries eleven rules, one call each, at every line that may start a block, and at every further line of a paragraph.
Here a line's first character says which rules can match at all, paragraphs and setext headings are one scan instead of two, and
most constructs are one token (see `leaves`). Other lists, quotes, link definitions and HTML blocks are markdown-it's own.
`tests/flows/reading/test_fast_blocks.py` compares the blocks with those of markdown-it's rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock

from flows.reading.extensions.prepared import STAND_IN
from flows.reading.fast_blocks.leaves import STARTS, Leaf, Rule, page_fence, page_heading, page_list, page_table

ANYWHERE = frozenset({"table", "code", "lheading", "deflist", "paragraph"})
"""The rules that any first character leaves."""
UNDERLINE = re.compile(r"(=+|-+)[ \t]*")


class PageParser(ParserBlock):
    """markdown-it's block parser with the rules of this module; `settle()` it once plugins are in."""

    def __init__(self) -> None:
        super().__init__()
        self.ruler.at("fence", page_fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.ruler.at("list", page_list, {"alt": ["paragraph", "reference", "blockquote"]})
        self.ruler.at("heading", page_heading, {"alt": ["paragraph", "reference", "blockquote"]})
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
        begins, margins, ends = state.bMarks, state.tShift, state.eMarks
        line, empty, deepest = startLine, False, state.md.options.maxNesting
        while line < endLine:
            while line < state.lineMax and begins[line] + margins[line] >= ends[line]:
                line += 1
            state.line = line
            if line >= endLine or state.sCount[line] < state.blkIndent:
                break
            if state.level >= deepest:
                state.line = endLine
                break
            for rule in starting.get(state.src[begins[line] + margins[line]], anywhere):
                if rule(state, line, endLine, False):
                    break
            state.tight = not empty
            line = state.line
            if line - 1 < endLine and begins[line - 1] + margins[line - 1] >= ends[line - 1]:
                empty = True
            if line < endLine and begins[line] + margins[line] >= ends[line]:
                empty = True
                line += 1
                state.line = line

    def paragraph(self, state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: ARG002  a rule's signature
        """A paragraph, or the setext heading it turns out to be (CommonMark 4.3 and 4.8)."""
        parent, state.parentType = state.parentType, "paragraph"
        line, level = self._paragraph_end(state, first, last)
        whole = state.src[state.bMarks[first] : state.eMarks[line - 1]] if not state.level else None  # no container's marks
        content = state.getLines(first, line, state.blkIndent, False) if whole is None else whole
        state.line = line + 1 if level else line
        state.parentType = parent
        token = Leaf(state, "heading" if level else "paragraph", first, content.strip(" \t\n\r"))
        token.tag = f"h{level}" if level else ""
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

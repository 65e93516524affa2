"""markdown-it's block parser, with a shortcut for what most of a book is made of.

markdown-it tries eleven rules at every line that may start a block, and most of them again at every further line of a
paragraph. Here one pattern is tried first, at the margin and outside lists and quotes: a heading, a paragraph, a fence or a
list of single lines in its plainest form, where none of those rules could see anything else. What the pattern does not match
is left to them. `docs/measurements.md` has what it gains; `tests/flows/reading/test_block_parser.py` compares the blocks with
those of markdown-it alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import mdTrim
from markdown_it.rules_block import StateBlock, lheading, paragraph, table
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from flows.reading.extensions.prepared import STAND_IN

Rule = Callable[[StateBlock, int, int, bool], bool]
FOOTNOTE = re.compile(r"[ \t>*+.)0-9-]*\[\^[^\]]+\]:")
DEFINITION = re.compile(r" {0,3}[:~][ \t]+\S")
TEXT = r"""(?:[^\W\d_]|["'($]|\*+(?=[^\s*])|`{1,2}(?=[^`\n]))[^\n]*"""
"""A line that begins with what can begin nothing but text."""
BLOCK_IN_ITEM = r"(?:[#><]|```|~~~|[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$)|\[[^\]\n]*\]:|(?:[-*_][ \t]*)+$)"
ITEM_TEXT = rf"\ {{1,4}}(?!{BLOCK_IN_ITEM})\S[^\n]*"
INTERRUPTING = rf"(?:\#{{1,6}}\ |>|```[^`\n]*$|{STAND_IN}$)"
"""What begins a block right below text."""
PLAIN_BLOCK = re.compile(
    rf"""(?P<level>\#{{1,6}})\ ++(?P<title>[^#|\n]*)$
    | (?P<fence>`{{3,}}+|~{{3,}}+)(?P<info>[^`|\n]*)\n(?P<code>(?:(?![ \t]*+(?P=fence))[^\n]*\n)*+)\ {{0,3}}(?P=fence)[ \t]*$
    | (?:(?P<bullet>[-*+])|\d{{1,9}}(?P<point>[.)])){ITEM_TEXT}
      (?P<items>(?:\n(?:[ \t]*\n)*(?:(?P=bullet)|\d{{1,9}}(?P=point)){ITEM_TEXT})*+)
      (?=\Z|\n(?:[ \t]*(?:\Z|\n(?:[ \t]*\n)*+(?![ \t]|(?P=bullet)|\d{{1,9}}(?P=point)))|{INTERRUPTING}))
    | (?P<rule>{STAND_IN})$
    | (?P<paragraph>{TEXT}(?:\n{TEXT})*+)
      (?=\Z|\n(?:[ \t]*(?:\Z|\n(?![ \t]*[:~]))|{INTERRUPTING}|[-*+]\ \S|1[.)]\ \S))""",
    re.VERBOSE | re.MULTILINE,
)
TOKENS = {"title": "heading", "code": "fence", "items": "items", "rule": "hr", "paragraph": "paragraph"}
"""Type of the token that stands for a match, by the last group in it."""


def parse_blocks(
    lines: Sequence[str], marked: Sequence[str], stand_ins: Sequence[int], *, mdx: bool, max_level: int
) -> list[Token]:
    """The tokens of the block structure; a list of single lines is one token `items`, a table one token `table`.

    `marked`: those of the lines that begin with a mark; what they hold tells which rules the page needs. `stand_ins`: in order,
    the numbers of those that are a `STAND_IN`. Nothing is nested deeper than `max_level`.
    """
    footnotes = any(FOOTNOTE.match(line) for line in marked if "[^" in line)
    definitions = any(DEFINITION.match(line) for line in marked)
    parser = page_parser(mdx=mdx, footnotes=footnotes, definitions=definitions, max_level=max_level)
    state = LineState(lines, parser)
    state.env["stand_ins"] = stand_ins
    parser.block.tokenize(state, 0, state.lineMax)
    return state.tokens


def closing(tokens: Sequence[Token], position: int) -> int:
    """Index of the token that closes the one at `position`; itself where it stands alone."""
    token = tokens[position]
    if token.nesting == 0:
        return position
    level = token.level
    position += 1
    while tokens[position].level != level:
        position += 1
    return position


@cache
def page_parser(*, mdx: bool, footnotes: bool, definitions: bool, max_level: int) -> MarkdownIt:
    """markdown-it for pages of a kind: footnotes and definition lists cost time where there are none."""
    parser = MarkdownIt("commonmark", {"maxNesting": max_level, "inline_definitions": True})
    parser.validateLink = _any_link
    rules = parser.block.ruler
    rules.at("table", table_as_one, {"alt": ["paragraph", "reference"]})
    rules.before("table", "plain", plain_block)
    parser.enable("table")
    if footnotes:
        parser.use(footnote_plugin)
    if definitions:
        parser.use(deflist_plugin)
    if mdx:
        parser.disable(["code", "html_block"])
        rules.at("lheading", above_stand_in(lheading))
        rules.at("paragraph", above_stand_in(paragraph))
    return parser


def _any_link(url: str) -> bool:  # noqa: ARG001  the signature of markdown-it
    """Whatever a definition refers to, it is one: nobody follows the link from here."""
    return True


def plain_block(state: StateBlock, first: int, _: int, silent: bool) -> bool:
    """A block that `PLAIN_BLOCK` knows, as one token."""
    found = None if silent or state.level or state.sCount[first] else PLAIN_BLOCK.match(state.src, state.bMarks[first])
    if found is None:
        return False
    kind = found.lastgroup or ""
    state.line = first + found[0].count("\n") + 1
    token = Token(TOKENS[kind], "", 0, map=[first, state.line], content=found[kind])
    state.tokens.append(token)
    if kind == "title":
        token.tag = f"h{len(found['level'])}"
    elif kind == "code":
        token.markup, token.info = found["fence"], found["info"]
    return True


def table_as_one(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A table (GFM 4.10) as one token; markdown-it makes three for every cell, so that a hostile page would fill memory."""
    if not table(state, first, last, True):
        return False
    if not silent:
        parent, state.parentType = state.parentType, "table"
        rules = state.md.block.ruler.getRules("blockquote")
        line = first + 2
        while line < last and state.sCount[line] >= state.blkIndent and not state.is_code_block(line):
            row = mdTrim(state.src[state.bMarks[line] : state.eMarks[line]])
            if not row or (row[0] != "|" and any(rule(state, line, last, True) for rule in rules)):
                break
            line += 1
        state.parentType, state.line = parent, line
        state.push("table", "", 0).map = [first, line]
    return True


def above_stand_in(rule: Rule) -> Rule:
    """`rule`, for which the page ends at the next stand-in: no margin makes that a continuation of the text above it in MDX."""

    def limited(state: StateBlock, first: int, last: int, silent: bool) -> bool:
        whole, stand_ins = state.lineMax, state.env["stand_ins"]
        following = bisect_right(stand_ins, first)
        if following < len(stand_ins):
            state.lineMax = min(whole, stand_ins[following])
        matched = rule(state, first, min(last, state.lineMax), silent)
        state.lineMax = whole
        return matched

    return limited


class LineState(StateBlock):
    """A `StateBlock` whose fields are the same, set up from lines that are already split: the original walks over margins."""

    def __init__(self, lines: Sequence[str], parser: MarkdownIt) -> None:
        env: dict[str, Any] = {}
        super().__init__("", parser, env, [])
        self.src = "\n".join(lines)
        lines = lines if lines[-1].strip(" \t") else lines[:-1]  # behind the last line feed there is no line
        margins = [len(line) - len(line.lstrip(" \t")) for line in lines]
        self.bMarks = [*accumulate([len(line) + 1 for line in lines], initial=0)]
        self.eMarks = [*[start - 1 for start in self.bMarks[1:]], len(self.src)]
        self.bMarks[-1] = len(self.src)
        self.tShift = [*margins, 0]
        self.sCount = self.tShift.copy()  # in columns, a tab reaching to the next multiple of four
        if "\t" in self.src:
            self.sCount = [len(line[:margin].expandtabs(4)) for line, margin in zip([*lines, ""], self.tShift, strict=True)]
        self.bsCount = [0] * len(self.tShift)
        self.lineMax = len(lines)

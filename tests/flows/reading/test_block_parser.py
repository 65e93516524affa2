"""The shortcuts for whole books find the blocks that markdown-it's own rules find.

`FUZZ_EXAMPLES=100000 pytest tests/flows/reading/test_block_parser.py` looks further, at other texts every time.
"""

from __future__ import annotations

import os
from itertools import product
from random import Random

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from flows.reading.block_parser import parse_blocks
from flows.reading.blocks import Reader, read_blocks
from flows.reading.document import Heading
from flows.reading.lines import lines_of

MAX_LEVEL = 200
FUZZ = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SCRAPS = (
    *("\n", "\n", "\n", "\n\n", " ", "  ", "    ", "\t", "a", "b\n", " x\n", "**b**", "\\|"),
    *("___\n", "```\n", "```py\n", "~~~\n", "````\n", "\n## b\n", "a b\nc\n", "\n\n    ", "    ```\n", "\u2028"),
    *("```", "~~~", "`", "~", "# ", "> ", "---", "***", "=", "-", "<div>", "[a]: b", "[^1]: ", ": ", "[ ] "),
    *("\n- ", "\n- ", "\n* ", "\n1. ", "\n2) ", "- ", "1. ", "|", "a|b\n", "-|-\n", "|-|-|\n"),
)


def _markdown_it(*, mdx: bool, plugins: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_LEVEL, "inline_definitions": True}).enable("table")
    if plugins:
        parser.use(footnote_plugin).use(deflist_plugin)
    return parser.disable(["code", "html_block"]) if mdx else parser


def _as_one(tokens: list[Token]) -> list[Token]:
    """The tokens with each table's as a single one."""
    kept: list[Token] = []
    inside = False
    for token in tokens:
        if token.type == "table_open":
            inside = True
            kept.append(Token("table", "", 0, map=token.map, level=token.level))
        elif not inside:
            kept.append(token)
        inside = inside and token.type != "table_close"
    return kept


def _read(text: str, tokens: list[Token]) -> tuple[list[object], list[Heading]]:
    source = lines_of(text)
    reader = Reader(source, source.lines)
    blocks = read_blocks(reader, tokens, 0, len(tokens))
    return [block._replace(parts=()) for block in blocks], reader.headings


def _parse(text: str, *, mdx: bool, plugins: bool) -> list[Token]:
    lines = text.split("\n")
    return parse_blocks(lines, ["[^1]: a", ": b"] if plugins else [], (), mdx=mdx, max_level=MAX_LEVEL)


def _compare(text: str, *, mdx: bool, plugins: bool) -> None:
    parser = _markdown_it(mdx=mdx, plugins=plugins)
    expected: list[Token] = []
    parser.block.parse(text, parser, {}, expected)
    found = _parse(text, mdx=mdx, plugins=plugins)
    assert _read(text, found) == _read(text, _as_one(expected)), text


@pytest.mark.parametrize(("mdx", "plugins"), [*product((False, True), repeat=2)])
def test_scraps_of_markdown_in_any_order_are_read_as_markdown_it_reads_them(mdx: bool, plugins: bool) -> None:
    random = Random(None if FUZZ else 7)
    for _ in range(FUZZ or 2500):
        _compare("".join(random.choices(SCRAPS, k=random.randint(1, 25))), mdx=mdx, plugins=plugins)


def test_a_real_book_is_read_as_markdown_it_reads_it(real_book) -> None:
    for path in sorted(real_book.rglob("*.md*")):
        _compare(path.read_text(encoding="utf-8"), mdx=True, plugins=False)


def test_in_mdx_text_ends_above_a_stand_in_whatever_its_margin() -> None:
    tokens = parse_blocks(["        a", "        ___", "b"], [], [1], mdx=True, max_level=MAX_LEVEL)
    assert [token.content or token.type for token in tokens if token.nesting == 0] == ["a", "hr", "b"]


@pytest.mark.parametrize("text", ["", "\n", " ", "a\n ", "```", "```\n", "```\n\n", "~~~\nx\n   ~~~  \n", "``` a`b\n"])
def test_the_ends_of_a_text_are_read_as_markdown_it_reads_them(text: str) -> None:
    _compare(text, mdx=False, plugins=False)


def test_a_table_of_hundreds_of_columns_is_one_token() -> None:
    text = "|".join("h" * 190) + "\n" + "|".join(["-"] * 190) + "\n" + "\n".join("|".join("c" * 190) for _ in range(50))
    tokens = _parse(text, mdx=False, plugins=False)
    assert [(token.type, token.map) for token in tokens] == [("table", [0, 52])]

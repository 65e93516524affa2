"""The block rules for whole books find the blocks that markdown-it's own rules find."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from flows.reading.blocks import Reader, read_blocks
from flows.reading.body import page_parser
from flows.reading.document import Heading
from flows.reading.fast_blocks.state import LineState
from flows.reading.lines import lines_of

SCRAPS = (
    *("\n", "\n", "\n", "\n\n", " ", "  ", "    ", "\t", "a", "b\n", " x\n", "**b**", "\\|"),
    *("```", "~~~", "`", "~", "# ", "> ", "---", "***", "=", "-", "<div>", "[a]: b", "[^1]: ", ": ", "[ ] "),
    *("\n- ", "\n- ", "\n* ", "\n1. ", "\n2) ", "- ", "1. ", "|", "a|b\n", "-|-\n", "|-|-|\n"),
)


def _markdown_it(*, mdx: bool, plugins: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 200, "inline_definitions": True}).enable("table")
    if plugins:
        parser.use(footnote_plugin).use(deflist_plugin)
    return parser.disable(["code", "html_block"]) if mdx else parser


def _as_one(tokens: list[Token]) -> list[Token]:
    """The tokens with each table's and each paragraph's as a single one, as `blockrules` makes it."""
    kept: list[Token] = []
    inside = ""
    for token in tokens:
        if token.type in {"table_open", "paragraph_open"}:
            inside = token.type.removesuffix("_open")
            kept.append(Token(inside, token.tag, 0, map=token.map, level=token.level))
        elif inside == "paragraph" and token.type == "inline":
            kept[-1].content = token.content
        elif not inside:
            kept.append(token)
        inside = "" if token.type == f"{inside}_close" else inside
    return kept


def _read(text: str, tokens: list[Token]) -> tuple[list[object], list[Heading]]:
    source = lines_of(text)
    reader = Reader(source, source.lines)
    blocks = read_blocks(reader, tokens, 0, len(tokens))
    return [block._replace(parts=()) for block in blocks], reader.headings


def _compare(text: str, *, mdx: bool, plugins: bool) -> None:
    parser = _markdown_it(mdx=mdx, plugins=plugins)
    expected: list[Token] = []
    parser.block.parse(text, parser, {}, expected)
    found = LineState(text.split("\n"), page_parser(mdx=mdx, footnotes=plugins, definitions=plugins)).read()
    assert _read(text, found) == _read(text, _as_one(expected)), text


@pytest.mark.parametrize(("mdx", "plugins"), [*product((False, True), repeat=2)])
def test_scraps_of_markdown_in_any_order_are_read_as_markdown_it_reads_them(mdx: bool, plugins: bool) -> None:
    random = Random(7)
    for _ in range(2500):
        _compare("".join(random.choices(SCRAPS, k=random.randint(1, 25))), mdx=mdx, plugins=plugins)


def test_a_real_book_is_read_as_markdown_it_reads_it(real_book) -> None:
    for path in sorted(real_book.rglob("*.md*")):
        _compare(path.read_text(encoding="utf-8"), mdx=True, plugins=False)


@pytest.mark.parametrize("text", ["", "\n", " ", "a\n ", "```", "```\n", "```\n\n", "~~~\nx\n   ~~~  \n", "``` a`b\n"])
def test_the_ends_of_a_text_are_read_as_markdown_it_reads_them(text: str) -> None:
    _compare(text, mdx=False, plugins=False)


def test_a_table_of_hundreds_of_columns_is_one_token() -> None:
    text = "|".join("h" * 190) + "\n" + "|".join(["-"] * 190) + "\n" + "\n".join("|".join("c" * 190) for _ in range(50))
    tokens = LineState(text.split("\n"), page_parser(mdx=False, footnotes=False, definitions=False)).read()
    assert [(token.type, token.map) for token in tokens] == [("table", [0, 52])]

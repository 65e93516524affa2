"""Inline markup as the text a reader sees."""

from __future__ import annotations

from random import Random

import pytest
from markdown_it import MarkdownIt

from flows.reading.inline import plain
from flows.reading.inline_syntax import InlineSyntax, label

CASES = {
    "no markup at all": "no markup at all",
    "two\n   lines": "two lines",
    "hard  \nbreak\\\nhere": "hard break here",
    "**bold** _em_ ***both*** ~~gone~~": "bold em both gone",
    "snake_case_name 2 * 3 * 4 ~5": "snake_case_name 2 * 3 * 4 ~5",
    "*args and **kwargs": "*args and **kwargs",
    "`code *x*` and `` a`b `` and ` open": "code *x* and a`b and ` open",
    "[text](https://a.b/c_(d) 'Title') [](empty.md)": "text ",
    "![alt](x.png) [![inner](a)](b)": "alt inner",
    r"\![no image](x) \*kept\* \_": "!no image *kept* _",
    "[a](<b c>) [b] [c][d]": "a [b] [c][d]",
    "&amp; &copy; &#x27; &nosuch;": "& © ' &nosuch;",
    "<https://a.b> <me@a.b> <b>bold</b> a<br/>b": "https://a.b me@a.b bold a b",
    '<Foo bar={{a: "}"}} baz="x > y" /> after': " after",
    "<A b={() => { if (1) { go({}); } }} /> after": " after",
    "<5 and a < b > c": "<5 and a < b > c",
    "{'one'} {`two`} {three} {/* four */} {": "one two {three}  {",
    "before <!-- comment --> after <!-- open": "before  after <!-- open",
    "a {/* b */ /* c */} d { /* e\n */ }f {/* g */ h}": "a  d f {/* g */ h}",
    "<!--> empty, {/*/} not */} closed": " empty,  closed",
    "<a_b>text</a_b> <my-tag>none</my-tag> <My_Part/>": "<a_b>text</a_b> none ",
    r"$x_{1}$, $\{a*b*c\}$ and $$d_e_f$$": r"$x_{1}$, $\{a*b*c\}$ and $$d_e_f$$",
    "from \\$4, $5 to *$6*, $7/$8, $ *9* $": "from $4, $5 to $6, $7/$8, $ 9 $",
    "[a](b){ .button } ![c](d){width=3} `e`{.py} *f*{: x=y }": "a c e f",
    "{a=b} {.5} {c.d} { e } {{ .F }} {#if g}": "{a=b} {.5} {c.d} { e } {{ .F }} {#if g}",
    "a claim[^1] and [^note]": "a claim and ",
    '<img src="x" alt="An arm &amp; hand"> <img src="y">': "An arm & hand ",
}


@pytest.mark.parametrize(("markdown", "text"), CASES.items(), ids=list(CASES))
def test_markup_is_rendered_as_the_text_a_reader_sees(markdown: str, text: str) -> None:
    assert plain(markdown) == text


def test_references_that_are_defined_are_links_and_others_are_brackets() -> None:
    references = InlineSyntax(frozenset({label("The  Docs"), "x"}))
    assert (
        plain("[the docs], [here][THE DOCS], [x][], ![x] and [y][], [z][y]", references)
        == "the docs, here, x, x and [y][], [z][y]"
    )


def _reference(markdown: str) -> str:
    children = MarkdownIt("commonmark").parseInline(markdown)[0].children or []
    return "".join(" " if child.type == "softbreak" else child.content for child in children)


def test_emphasis_links_and_code_pair_up_as_in_markdown_it() -> None:
    scraps = ["*", "**", "***", "_", "__", "a", "b c", " ", ".", "`", "``", "\\", "*a*", "[x](y)"]
    random = Random(11)
    for _ in range(5000):
        text = "".join(random.choices(scraps, k=random.randint(1, 10))).strip()
        assert plain(text).split() == _reference(text).split(), text


HOSTILE = [
    "[",
    "![",
    "](",
    "*",
    "_a",
    "`" * 3 + "a`",
    "<a b={",
    "<!--",
    "{/*",
    "&",
    '[a](b "',
    "{'",
    "*a_",
    "[" * 9 + "]",
    "a](<",
    " \n",
    "<a b='",
    "$",
    "$a",
    "$$\\",
    "{ ",
    "{/* a */ b",
    "{/* */ /*",
    "{.a ",
    "]{a=b ",
]


@pytest.mark.parametrize("scrap", HOSTILE)
def test_a_hundred_kilobytes_of_one_mark_are_read_in_one_pass(scrap: str) -> None:
    """None of these ends within the life of the test run where the work is quadratic."""
    assert plain(scrap * (100_000 // len(scrap))) is not None

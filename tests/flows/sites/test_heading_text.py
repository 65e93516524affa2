"""What of a heading's inline Markdown each generator takes for text."""

from __future__ import annotations

import pytest

from flows.sites.heading_text import MAX_CHARS, References, find_references, html_text, mdast_text, pulldown_text
from tests.support.site_pages import page

NONE: References = {}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("`code` and **bold *both*** and snake_case", "code and bold both and snake_case"),
        ("[link](https://example.com) ![alt *text*](x.png)", "link alt text"),
        ("{name} in <kbd>Ctrl</kbd> <Widget a={1 > 2 ? '}' : <b/>}>child</Widget>", "name in Ctrl child"),
        ("key:value and x:y[label] and z:w{k=v}", "key and xlabel and z"),
        (
            "10:30, std::vector, :rocket:, a: b, `k:v`, n:x- and \\:esc",
            "10:30, std::vector, :rocket:, a: b, k:v, n:x- and :esc",
        ),
        ("<!-- gone --> &amp; &copy;", " & ©"),
        ("two\nlines", "two\nlines"),
        ("{#not-an-id} first", "{#not-an-id} first"),
        ("open { and < and a < b", "open { and < and a < b"),
    ],
)
def test_docusaurus_slugs_alternative_texts_and_expressions_and_leaves_out_tags_and_directives(source: str, text: str) -> None:
    assert mdast_text(source, NONE, mdx=True) == text


def test_in_plain_markdown_braces_are_text_and_html_is_left_out() -> None:
    assert mdast_text("{a} <kbd>b</kbd> <https://example.com>", NONE, mdx=False) == "{a} b https://example.com"
    assert mdast_text("**<b>x</b>**", NONE, mdx=False) == "<b>x</b>"  # only the heading's own tags are filtered


def test_a_reference_is_a_link_only_where_the_page_defines_it() -> None:
    document = page("## [a][ref] [Ref] [b][nowhere] note[^1]\n\n[ref]: https://example.com\n\n[^1]: A note.\n")
    assert mdast_text(document.headings[0].html, find_references(document), mdx=True) == "a Ref [b][nowhere] note"


def test_no_references_are_looked_for_when_no_heading_has_brackets() -> None:
    assert find_references(page("## Plain\n\n[ref]: https://example.com\n")) == {}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("![alt](x.png) and :rocket: and <b>c</b>", "and and c"),
        ("A &nbsp; B &amp; `&amp;`", "A \u00a0 B & &amp;"),
        ("two\nlines   and\tmore", "two lines and more"),
    ],
)
def test_mkdocs_slugs_what_is_left_of_the_html_without_tags(source: str, text: str) -> None:
    assert html_text(source, NONE) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [("a--b `a--b` - c", "ab a--b - c"), ("![alt](x.png) <b>c</b> {d}", " c {d}"), ("two\nlines", "two lines")],
)
def test_mdbook_loses_dashes_outside_code(source: str, text: str) -> None:
    assert pulldown_text(source, NONE) == text


def test_a_heading_too_long_to_be_one_is_taken_as_it_stands() -> None:
    hostile = "[![<{:" * MAX_CHARS
    assert mdast_text(hostile, NONE, mdx=True) == hostile

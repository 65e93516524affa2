"""Raw HTML, as Python-Markdown sees it."""

from __future__ import annotations

import pytest

from flows.reading.document import code_ranges
from flows.sites.generators.mkdocs.raw_html import raw_ranges
from tests.support.site_pages import page


def _raw(text: str) -> list[str]:
    return [text[start:end] for start, end in raw_ranges(page(text))]


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("a\n\n<div>\n\nb\n\n</div>\n\nc", ["<div>\n\nb\n\n</div>"]),
        ("<div>\n<div>\nb\n</div>\n\n</div>\nc", ["<div>\n<div>\nb\n</div>\n\n</div>"]),
        ("<details>\nnever closed\n\nx", ["<details>\nnever closed\n\nx"]),
        ("a <div>inline</div>", []),
        ("<span>\n\nb\n\n</span>", []),
        ("<div markdown>\n\nb\n\n</div>", []),
        ('<div markdown="1">\n\n<section>\n\nb\n\n</section>\n\n</div>', ["<section>\n\nb\n\n</section>"]),
        ('<div>\n\n<p markdown="1">b</p>\n\n</div>', ['<div>\n\n<p markdown="1">b</p>\n\n</div>']),
        ('<div markdown="0">\n\nb\n\n</div>', ['<div markdown="0">\n\nb\n\n</div>']),
        ("```html\n<div>\n```\n\nb", []),
        ("- item\n\n  ```html\n  <div>\n  ```\n\nb", []),
    ],
)
def test_a_block_element_without_markdown_is_raw_to_its_own_closing_tag(text: str, raw: list[str]) -> None:
    assert _raw(text) == raw


def test_code_is_found_inside_lists_too() -> None:
    document = page("- a\n\n  ```\n  code\n  ```\n\n```\nmore\n```\n")
    assert ["code" in document.text[start:end] for start, end in code_ranges(document.blocks)] == [True, False]

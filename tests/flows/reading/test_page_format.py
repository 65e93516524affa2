"""Whether a page is MDX or Markdown."""

from __future__ import annotations

from typing import Any

import pytest

from flows.reading.extensions.jsx import is_mdx
from flows.reading.parse import parse
from flows.source.files import SourceFile
from shared.models import Site


@pytest.mark.parametrize(
    ("path", "front_matter", "site_format", "mdx"),
    [
        ("a.mdx", {}, "", True),
        ("a.md", {}, "", None),
        ("a.md", {}, "mdx", True),
        ("a.mdx", {}, "md", False),
        ("a.md", {}, "detect", False),
        ("a.mdx", {}, "detect", True),
        ("a.mdx", {"mdx": {"format": "md"}}, "mdx", False),
        ("a.md", {"mdx": {"format": "mdx"}}, "md", True),
        ("a.md", {"mdx": {"format": "detect"}}, "mdx", False),
        ("a.md", {"mdx": "mdx"}, "", None),
        ("a.md", {"mdx": {"format": ["md"]}}, "", None),
    ],
)
def test_the_front_matter_decides_then_the_site_then_the_extension(
    path: str, front_matter: dict[str, Any], site_format: str, mdx: bool | None
) -> None:
    assert is_mdx(path, front_matter, site_format) is mdx


def test_a_docusaurus_site_reads_md_files_as_mdx() -> None:
    text = "<div>\n## In a div\n</div>\n\n    Not code.\n"
    assert [block.kind for block in parse(SourceFile("a.md", text)).blocks] == ["html", "code"]
    page = parse(SourceFile("a.md", text), site=Site(format="mdx"))
    assert [(block.kind, block.text) for block in page.blocks] == [("heading", "In a div"), ("paragraph", "Not code.")]

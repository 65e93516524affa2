"""Markdown shown as files."""

from __future__ import annotations

from shared.models import Site
from tests.support.site_pages import address, anchors

SITE = Site(kind="plain", url="https://example.com", base="/o/r/blob/main/")


def test_the_address_is_the_file() -> None:
    assert address("a b/README.md", SITE) == "https://example.com/o/r/blob/main/a%20b/README.md"


def test_every_heading_has_a_github_id() -> None:
    assert anchors("# Foo\n\n## Foo\n\n## A {#own}", SITE) == ["foo", "foo-1", "own"]

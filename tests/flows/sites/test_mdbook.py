"""mdBook's rules one by one; a whole book is in `test_site.py`."""

from __future__ import annotations

from flows.sites.site import add_addresses
from shared.models import Site
from tests.support.site_pages import address, anchors, page

SITE = Site(kind="mdbook", base="/b/")


def test_a_chapter_is_an_html_file_and_a_readme_an_index() -> None:
    paths = ("a.md", "ReadMe.md", "d/README.md", "d/index.md", "dots.v1.md")
    assert [address(path, SITE) for path in paths] == [
        "/b/a.html",
        "/b/index.html",
        "/b/d/index.html",
        "/b/d/index.html",
        "/b/dots.v1.html",
    ]


def test_only_what_the_summary_names_is_a_page() -> None:
    site = Site(kind="mdbook", folder="src", chapters=("a.md",))
    assert address("src/a.md", site) == "/a.html"
    skipped = [add_addresses(page("x", path), site).skip for path in ("src/b.md", "src/SUMMARY.md", "a.md")]
    assert skipped == ["no page of the site"] * 3


def test_headings_of_every_level_are_counted_with_hyphens() -> None:
    assert anchors("# Foo\n\n## Foo\n\n## Foo-1\n\n## 🚀", SITE) == ["foo", "foo-1", "foo-1-1", None]


def test_attributes_may_give_an_id_and_the_last_one_counts() -> None:
    text = "## A {#own}\n\n## own\n\n## B {.red #b}\n\n## C {#one #two}\n\n## D {.red}\n\n## E {#closed} ##"
    assert anchors(text, SITE) == ["own", "own", "b", "two", "d", "e-closed"]


def test_the_terms_of_definition_lists_are_counted_with_the_headings() -> None:
    assert anchors("Term\n: Meaning\n\n```\nTerm\n: code\n```\n\n## Term\n\n## Term", SITE) == ["term-1", "term-2"]

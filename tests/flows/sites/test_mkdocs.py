"""MkDocs' rules one by one; whole sites are in `test_site.py`."""

from __future__ import annotations

import pytest

from flows.sites.site import add_addresses
from shared.models import Site
from tests.support.site_pages import address, anchors, page

SITE = Site(kind="mkdocs")


@pytest.mark.parametrize(
    ("path", "directory", "file"),
    [
        ("index.md", "/", "/index.html"),
        ("README.md", "/", "/index.html"),
        ("a/README.md", "/a/", "/a/index.html"),
        ("a/readme.md", "/a/readme/", "/a/readme.html"),
        ("01-page.md", "/01-page/", "/01-page.html"),
        ("dots.v1.md", "/dots.v1/", "/dots.v1.html"),
        ("a b/ż.md", "/a%20b/%C5%BC/", "/a%20b/%C5%BC.html"),
    ],
)
def test_a_page_is_a_folder_or_a_file(path: str, directory: str, file: str) -> None:
    assert address(path, SITE) == directory
    assert address(path, Site(kind="mkdocs", trailing_slash=False)) == file


def test_only_files_of_docs_dir_are_pages() -> None:
    site = Site(kind="mkdocs", folder="docs")
    assert address("docs/a.md", site) == "/a/"
    assert add_addresses(page("x", "CONTRIBUTING.md"), site).skip == "no page of the site"


def test_an_h1_has_an_id_and_equal_ones_are_counted_with_underscores() -> None:
    assert anchors("# Foo\n\n## Foo\n\n## Foo_1\n\n## 中", SITE) == ["foo", "foo_1", "foo_2", "_1"]


def test_twenty_thousand_equal_headings_all_get_an_id_of_their_own() -> None:
    assert len(set(anchors("# a\n\n" * 20_000, SITE))) == 20_000


def test_custom_ids_are_taken_first_wherever_they_stand() -> None:
    text = "## Own\n\n## A {#own}\n\n## B {: #b .red }\n\n## C {.red}\n\n## D { id='dee' }\n\n## No{#space}"
    assert anchors(text, SITE) == ["own_1", "own", "b", "c", "dee", "nospace"]


def test_unicode_ids_are_kept_when_the_site_is_configured_so() -> None:
    assert anchors("## Żółć & ść", Site(kind="mkdocs", ids="unicode")) == ["żółć-ść"]
    assert anchors("## Żółć & ść", Site(kind="mkdocs", ids="pymdownx")) == ["żółć--ść"]


def test_a_heading_inside_raw_html_has_no_anchor_and_is_not_counted() -> None:
    text = "<div>\n\n## Same\n\n</div>\n\n<div markdown>\n\n## Same\n\n</div>\n\n## Same\n"
    assert anchors(text, SITE) == [None, "same", "same_1"]

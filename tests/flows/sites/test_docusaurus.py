"""Docusaurus' rules one by one; whole sites are in `test_site.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.reading.parse import parse
from flows.sites.generators.docusaurus.addresses import strip_number_prefix
from flows.sites.site import add_addresses
from flows.source.files import SourceFile
from shared.models import Site
from tests.support.site_pages import address, anchors, page

SITE = Site(kind="docusaurus")


@pytest.mark.parametrize(
    ("name", "stripped"),
    [
        ("01-intro", "intro"),
        ("003 - my doc", "my doc"),
        ("4 .- dashes", "dashes"),
        ("2021-11-foo", "2021-11-foo"),
        ("7.0-bar", "7.0-bar"),
        ("100", "100"),
        ("1-", "1-"),
        ("chapter-1", "chapter-1"),
    ],
)
def test_a_number_prefix_goes_but_a_date_or_a_version_stays(name: str, stripped: str) -> None:
    assert strip_number_prefix(name) == stripped


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("intro.md", "/docs/intro"),
        ("01-Guide/02-install.mdx", "/docs/Guide/install"),
        ("guide/index.md", "/docs/guide/"),
        ("guide/ReadMe.mdx", "/docs/guide/"),
        ("guide/GUIDE.md", "/docs/guide/"),
        ("02_guides/guides.md", "/docs/guides/guides"),
        ("index.md", "/docs/"),
    ],
)
def test_a_page_is_named_after_its_file_and_an_index_after_its_folder(path: str, expected: str) -> None:
    assert address(path, SITE) == expected


@pytest.mark.parametrize(
    ("front_matter", "expected"),
    [
        ("slug: /abs/olute", "/docs/abs/olute"),
        ("slug: /", "/docs/"),
        ("slug: rel", "/docs/dir/rel"),
        ("slug: ../up", "/docs/up"),
        ("slug: ./", "/docs/dir/"),
        ("slug: 2024", "/docs/dir/2024"),
        ("id: other", "/docs/dir/other"),
        ("id: other\nslug: wins", "/docs/dir/wins"),
        ("parse_number_prefixes: false", "/docs/01-dir/02-page"),
        ("slug: [not, text]", "/docs/dir/page"),
    ],
)
def test_front_matter_moves_a_page(front_matter: str, expected: str) -> None:
    assert address("01-dir/02-page.md", SITE, f"---\n{front_matter}\n---\nx") == expected


def test_trailing_slash_is_added_or_taken_off_but_never_from_the_base() -> None:
    on, off = (Site(kind="docusaurus", base="/b/", route_base="", trailing_slash=value) for value in (True, False))
    assert [address("a.md", on), address("d/index.md", on)] == ["/b/a/", "/b/d/"]
    assert [address("a.md", off), address("d/index.md", off), address("index.md", off)] == ["/b/a", "/b/d", "/b/"]


def test_locales_and_versions_have_their_own_addresses() -> None:
    site = Site(kind="docusaurus", folder="docs", versions=("2.0", "1.0"))
    assert address("docs/a.md", site) == "/docs/next/a"
    assert address("versioned_docs/version-2.0/a.md", site) == "/docs/a"
    assert address("versioned_docs/version-1.0/a.md", site) == "/docs/1.0/a"
    assert address("i18n/fr/docusaurus-plugin-content-docs/current/a.md", site) == "/fr/docs/next/a"
    assert address("i18n/fr/docusaurus-plugin-content-docs/version-2.0/a.md", site) == "/fr/docs/a"


def test_an_h1_has_no_anchor_but_uses_up_its_slug() -> None:
    assert anchors("# Foo\n\n## Foo\n\n# Bar\n\n## Bar", SITE) == [None, "foo-1", None, "bar-1"]


def test_a_custom_id_is_taken_as_written_and_not_remembered() -> None:
    text = "## A {#Own.id}\n\n## B {/* #note and more */}\n\n## Own.id\n\n## Note\n\n## C {# spaced }\n\n## **D {#d-d}**"
    assert anchors(text, SITE) == ["Own.id", "note", "ownid", "note", "spaced", "d-d"]


def test_a_heading_that_leaves_no_slug_has_no_anchor() -> None:
    assert anchors("## ???\n\n## ???", SITE) == [None, "-1"]


def test_the_format_of_a_page_decides_what_braces_are() -> None:
    head = "---\nmdx:\n  format: {}\n---\n"
    assert anchors("## a {'b'} <!-- c -->", SITE) == ["a-b-"]
    assert anchors(head.format("md") + "## a {'b'}", SITE) == ["a-b"]
    assert anchors(head.format("detect") + "## <https://e.com>", SITE) == ["httpsecom"]


def test_a_formula_is_slugged_as_written() -> None:
    """As Docusaurus 3.10.2 with remark-math 6 made them."""
    text = "## Energy $E_1 = m_1 * c_2 * d$\n\n## $\\mathbf{q}_d + x_{1}$ *here*\n"
    assert anchors(text, SITE, "a.mdx") == ["energy-e_1--m_1--c_2--d", "mathbfq_d--x_1-here"]


def test_headings_are_counted_through_tabs_admonitions_and_details() -> None:
    parts = (
        "<Tabs>\n<TabItem>",
        "## Same",
        "</TabItem>\n</Tabs>",
        ":::note",
        "## Same",
        ":::",
        "<details>",
        "## Same",
        "</details>",
    )
    assert anchors("\n\n".join(parts), SITE, "a.mdx") == ["same", "same-1", "same-2"]


def test_a_partial_has_a_count_of_its_own() -> None:
    partial = {"_p.mdx": "## Same\n\n## Same\n\n## Own {#own}\n"}
    text = "import P from './_p.mdx';\n\n## Same\n\n<P />\n\n## Same\n\n<kbd>Same</kbd>\n---\n"
    document = add_addresses(parse(SourceFile("a.mdx", text), partial), SITE)
    assert [heading.anchor for heading in document.headings] == ["same", "same", "same-1", "own", "same-1", "same-2"]


def test_a_heading_given_only_as_text_is_slugged_by_it() -> None:
    document = page("## A *b*")
    bare = replace(document, headings=(replace(document.headings[0], html=""),))
    assert add_addresses(bare, SITE).headings[0].anchor == "a-b"

"""The order of a book's pages, and what it is read from."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flows.reading.page import Page
from flows.reading.parse import parse
from flows.sites.generators.docusaurus.sidebar import as_position, sidebar_position
from flows.sites.site import in_reading_order
from flows.source.files import SourceFile
from shared.models import Site
from tests.support.book_folder import write_book


def _ordered(kind: str, *paths: str, book: Path = Path("/nowhere"), **site: object) -> list[str]:
    """Paths in reading order; `path=3` is one with that position."""
    pages = [Page(path=path, position=float(given) if given else None) for path, _, given in (p.partition("=") for p in paths)]
    random.Random(7).shuffle(pages)
    return [page.path for page in in_reading_order(pages, Site.model_validate({"kind": kind, **site}), book, book)]


def test_docusaurus_sorts_by_position_then_name() -> None:
    in_order = ["c.md=0.5", "01-b.md=1", "d.md=1.5", "2. a.md=2", "10-x.md=10", "a.md", "z.md"]
    assert _ordered("docusaurus", *in_order) == [path.partition("=")[0] for path in in_order]


@pytest.mark.parametrize(
    ("path", "front_matter", "position"),
    [
        ("a/02-b.md", "", 2.0),
        ("02-b.md", "sidebar_position: 0.5", 0.5),
        ("02-b.md", "parse_number_prefixes: false", None),
        ("2021-11-b.md", "", None),
        ("b.md", "sidebar_position: first", None),
    ],
)
def test_a_page_stands_where_it_says_or_where_its_number_puts_it(path: str, front_matter: str, position: float | None) -> None:
    page = parse(SourceFile(path, f"---\n{front_matter}\n---\nText.\n"))
    assert sidebar_position(page) == position


def test_docusaurus_sorts_a_folder_by_its_category_file_then_its_index_page_then_its_prefix(tmp_path: Path) -> None:
    write_book(tmp_path, {"b/_category_.json": '{"position": 2}'})
    paths = ["intro.md=1", "b/x.md", "a/index.md=3", "a/10-late.md=10", "a/x.md", "04-c/README.md", "04-c/a.md", "d/x.md"]
    assert _ordered("docusaurus", *paths, book=tmp_path) == [path.partition("=")[0] for path in paths]


def test_an_index_page_leads_its_folder_and_not_the_book() -> None:
    assert _ordered("docusaurus", "a.md", "b/index.md", "b/a.md", "index.md") == ["a.md", "b/index.md", "b/a.md", "index.md"]


def test_the_docs_folder_of_a_repository_is_no_category() -> None:
    assert _ordered("docusaurus", "docs/a.md", "docs/b/index.md", "docs/index.md", folder="docs") == [
        "docs/a.md",
        "docs/b/index.md",
        "docs/index.md",
    ]


def test_each_locale_and_version_has_a_sidebar_of_its_own() -> None:
    localized, version = "i18n/ur/docusaurus-plugin-content-docs/", "versioned_docs/version-"
    paths = [
        "docs/b.md=1",
        "docs/a.md=2",
        f"{version}2.0/b.md=1",
        f"{version}2.0/a.md=2",
        f"{version}1.0/a.md=1",
        f"{localized}current/b.md=1",
        f"{localized}version-2.0/a.md=1",
    ]
    assert _ordered("docusaurus", *paths, folder="docs", versions=("2.0", "1.0")) == [path.partition("=")[0] for path in paths]


def test_mkdocs_has_the_index_first_and_folders_last() -> None:
    paths = ["index.md", "b.md", "z.md", "a/README.md", "a/b.md", "c/a.md"]
    assert _ordered("mkdocs", *paths) == paths


@pytest.mark.parametrize("kind", ["mkdocs", "mdbook"])
def test_what_the_navigation_names_comes_first_in_its_order(kind: str) -> None:
    paths = ["docs/z.md", "docs/a/b.md", "docs/y.md", "docs/index.md"]
    ordered = _ordered(kind, *paths, folder="docs", chapters=("z.md", "a/b.md", "y.md"))
    assert ordered == paths


def test_other_books_are_sorted_by_path() -> None:
    assert _ordered("plain", "a/z.md", "b.md", "c/a.md") == ["a/z.md", "b.md", "c/a.md"]


def test_category_files_are_read_in_json_and_yaml_and_broken_ones_say_nothing(tmp_path: Path) -> None:
    files = {
        "z/_category_.json": '{"label": "Z", "position": 2.5}',
        "z/y/_category_.yml": "position: 3\n",
        "c/_category_.json": "{broken",
        "d/_category_.json": '{"position": "first"}',
        "e/_category_.yaml": "[position]",
    }
    write_book(tmp_path, files)
    paths = ["z/x.md=1", "z/y/x.md", "z/a.md", "c/x.md", "d/x.md", "e/x.md", "f/x.md", "x.md"]
    assert _ordered("docusaurus", *paths, book=tmp_path) == [path.partition("=")[0] for path in paths]


def test_a_category_file_outside_the_book_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "book" / "b").mkdir(parents=True)
    (tmp_path / "secret.json").write_text('{"position": 1}', encoding="utf-8")
    (tmp_path / "book" / "b" / "_category_.json").symlink_to(tmp_path / "secret.json")
    assert _ordered("docusaurus", "a/x.md", "b/x.md", book=tmp_path / "book") == ["a/x.md", "b/x.md"]


@pytest.mark.parametrize(
    ("value", "position"),
    [(2, 2.0), (1.5, 1.5), ("2", None), (True, None), (None, None), (float("nan"), None), (10**400, None)],
)
def test_a_position_is_a_number(value: object, position: float | None) -> None:
    assert as_position(value) == position


def test_nextra_sorts_a_folder_as_its_meta_file_says_then_by_name_with_an_index_first(tmp_path: Path) -> None:
    write_book(
        tmp_path,
        {
            "_meta.js": "export default {start: 'Start', '--': {type: 'separator'}, guide: {title: t('index: x')}};",
            "guide/_meta.ts": "const meta: MetaRecord = {b: {title: 'a', theme: {toc: false}}, index: 'Last'};",
            "other/_meta.json": "{ broken",
        },
    )
    paths = ["index.mdx", "start.md", "guide/b.mdx", "guide/index.mdx", "guide/a.md", "a.mdx", "other/index.md", "other/a.md"]
    assert _ordered("nextra", *paths, book=tmp_path) == paths

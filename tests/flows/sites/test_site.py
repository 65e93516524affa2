"""Addresses and anchors against what the real generators made of the same pages (`tests/sites`, see `build.sh` there)."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from flows.reading.document import Document
from flows.reading.parse import parse
from flows.sites.site import GENERATORS, add_addresses
from flows.source.files import SourceFile
from shared.models import Site
from tests.conftest import FIXTURES, MEASURING_DATA

SITES = FIXTURES / "sites"
BUILT = {
    "docusaurus/expected.json": Site(kind="docusaurus", base="/my-book/", folder="docs", format="mdx"),
    "docusaurus-versions/expected.json": Site(
        kind="docusaurus", base="/my-book/", folder="docs", route_base="", trailing_slash=True, versions=("2.0", "1.0")
    ),
    "mkdocs/expected.json": Site(kind="mkdocs", base="/my-book/", folder="docs"),
    "mkdocs/expected-unicode.json": Site(kind="mkdocs", base="/my-book/", folder="docs", trailing_slash=False, ids="pymdownx"),
    "mdbook/expected.json": Site(kind="mdbook", base="/my-book/", folder="src"),
    "starlight/expected.json": Site(kind="starlight", base="/my-book/", folder="src/content/docs"),
    "nextra/expected.json": Site(kind="nextra", base="/my-book/", format="detect", options={"content_base": "/docs"}),
    "sphinx/expected.json": Site(kind="sphinx", base="/my-book/"),
    "hugo/expected.json": Site(kind="hugo", base="/my-book/", folder="content"),
    "jekyll/expected.json": Site(kind="jekyll", base="/my-book/", options={"collections": {"guides": "/manual/:path/"}}),
    "vitepress/expected.json": Site(kind="vitepress", base="/my-book/", options={"clean_urls": True}),
}
NOT_IN_THE_MARKDOWN = {
    "docusaurus/expected.json": {
        "docs/headings/containers.mdx": ["own-id", "footnote-label"],
        "docs/headings/inline.mdx": ["footnote-label"],
        "docs/headings/plain.md": ["raw-id"],
    },
    "mkdocs/expected.json": {"docs/containers.md": ["own-id"]},
    "mkdocs/expected-unicode.json": {"docs/containers.md": ["own-id"]},
    "nextra/expected.json": {"content/headings.mdx": ["npm", "pnpm"]},
    "mdbook/expected.json": {"src/containers.md": ["own-id"]},
}
"""Ids on the built page that no Markdown heading of the file has: HTML tags, the label of footnotes."""


PAGES = [
    pytest.param(name, source, id=f"{name.removesuffix('.json')}: {source}")
    for name in BUILT
    for source in json.loads((SITES / name).read_text(encoding="utf-8"))["pages"]
]


def read(folder: Path, path: str, site: Site) -> Document:
    partials = {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("_*.mdx")}
    file = SourceFile(path, (folder / path).read_text(encoding="utf-8"))
    return add_addresses(parse(file, partials, site), site)


@pytest.mark.parametrize(("name", "source"), PAGES)
def test_a_page_is_where_its_generator_put_it_and_its_headings_have_the_ids_it_gave_them(name: str, source: str) -> None:
    built = json.loads((SITES / name).read_text(encoding="utf-8"))["pages"][source]
    document = read((SITES / name).parent, source, BUILT[name])
    assert unquote(document.url) == unquote(built["address"])
    rendered = [(heading["level"], heading["id"]) for heading in built["headings"] if heading["id"]]
    for extra in NOT_IN_THE_MARKDOWN.get(name, {}).get(source, []):
        rendered.remove(next(heading for heading in rendered if heading[1] == extra))
    assert [(heading.level, heading.anchor) for heading in document.headings if heading.anchor] == rendered


def test_every_page_and_id_of_the_real_book_is_as_docusaurus_made_it(real_book: Path) -> None:
    built = json.loads((MEASURING_DATA / "physical-ai-book" / "site.json").read_text(encoding="utf-8"))
    site = Site(kind="docusaurus", url=built["url"], base=built["baseUrl"])
    for page in built["pages"]:
        document = read(real_book, page["source"], site)
        assert document.url == built["url"] + page["permalink"]
        assert [(h.level, h.anchor) for h in document.headings] == [(h["level"], h["id"]) for h in page["headings"]]


def test_an_address_is_percent_encoded_and_an_anchor_is_not() -> None:
    document = add_addresses(
        parse(SourceFile("zażółć/a b.md", "## Żółw\n")), Site(kind="docusaurus", url="https://h", base="/x/")
    )
    assert document.url == "https://h/x/docs/za%C5%BC%C3%B3%C5%82%C4%87/a%20b"
    assert document.headings[0].anchor == "żółw"


def test_without_a_host_addresses_begin_at_the_root_of_the_site() -> None:
    assert add_addresses(parse(SourceFile("a.md", "x")), Site(kind="docusaurus")).url == "/docs/a"


def test_a_file_the_site_has_no_page_for_is_skipped_and_a_reason_already_given_stays() -> None:
    site = Site(kind="docusaurus", folder="docs")
    assert add_addresses(parse(SourceFile("README.md", "# Developers")), site).skip == "no page of the site"
    assert add_addresses(parse(SourceFile("_README.md", "# Partial")), site).skip != "no page of the site"


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_generator_gives_equal_headings_different_anchors(kind: str) -> None:
    document = add_addresses(parse(SourceFile("a.md", "---\n---\n" + "## Same\n" * 4)), Site.model_validate({"kind": kind}))
    assert len({heading.anchor for heading in document.headings}) == 4

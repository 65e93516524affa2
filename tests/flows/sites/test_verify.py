"""What a built site lacks of what the chunks cite."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from flows.reading.parse import parse
from flows.sites.site import add_addresses
from flows.sites.verification.verify import Missing, read_ids, verify
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from shared.errors import ConfigurationError
from shared.models import Chunk, Site
from tests.conftest import FIXTURES
from tests.support.site_pages import BOOK_SITE, chunks_of, write_page

SITES = FIXTURES / "sites"


def test_a_site_that_has_everything_lacks_nothing(tmp_path: Path) -> None:
    write_page(tmp_path, "docs/guide/index.html", "one", "two")
    assert verify(chunks_of("# Guide\n\n## One\n\na\n\n## Two\n\nb\n"), BOOK_SITE, tmp_path) == []


def test_a_missing_page_is_named_once_with_the_file_it_is_for(tmp_path: Path) -> None:
    write_page(tmp_path, "docs/other.html")
    missing = verify(chunks_of("text\n\n## One\n\na\n\n## Two\n\nb\n"), BOOK_SITE, tmp_path)
    url = "https://example.github.io/my-book/docs/guide"
    assert missing == [Missing("guide.md", 1, url, "the site has no page at this address")]


def test_a_missing_anchor_is_named_even_inside_a_chunk_of_several_sections(tmp_path: Path) -> None:
    write_page(tmp_path, "docs/guide.html", "one")
    missing = verify(chunks_of("# Guide\n\n## One\n\na\n\n## Two\n\nb\n"), BOOK_SITE, tmp_path)
    assert [(each.url, each.reason) for each in missing] == [
        ("https://example.github.io/my-book/docs/guide#two", "the page has no element with the id 'two'")
    ]


@pytest.mark.parametrize("file", ["docs/guide.html", "docs/guide/index.html"])
def test_a_page_may_be_a_file_or_a_folder(tmp_path: Path, file: str) -> None:
    write_page(tmp_path, file)
    assert verify(chunks_of("text"), BOOK_SITE, tmp_path) == []


def test_an_address_with_a_slash_at_the_end_is_a_folder_and_may_be_percent_encoded(tmp_path: Path) -> None:
    write_page(tmp_path, "docs/ż ó/index.html", "ść")
    assert verify(chunks_of("## Ść\n\nx", "ż ó/index.md"), BOOK_SITE, tmp_path) == []
    write_page(tmp_path, "docs/file.html")
    assert verify(chunks_of("text", "file/index.md"), BOOK_SITE, tmp_path) != []


def test_the_start_of_the_site_is_its_index(tmp_path: Path) -> None:
    write_page(tmp_path, "index.html")
    assert (
        verify(chunks_of("text", "index.md", Site(kind="mkdocs", base="/b/")), Site(kind="mkdocs", base="/b/"), tmp_path) == []
    )


def test_an_address_outside_the_site_is_missing(tmp_path: Path) -> None:
    write_page(tmp_path, "docs/guide.html")
    assert len(verify(chunks_of("text"), Site(kind="docusaurus", base="/elsewhere/"), tmp_path)) == 1


def test_a_folder_that_is_no_built_site_is_the_operators_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="build the site first"):
        verify([], BOOK_SITE, tmp_path / "none")
    with pytest.raises(ConfigurationError, match="holds no HTML"):
        verify([], BOOK_SITE, tmp_path)


def test_ids_are_those_of_elements_and_not_of_text_that_shows_html() -> None:
    html = '<p ID="a">id="b"</p><a name="c">x</a><input name="d"><br id=e />'
    html += '<code>&lt;p id="f"&gt;</code><script>"<i id=\'g\'>"</script>'
    assert read_ids(html) == {"a", "c", "e"}


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("docusaurus", BOOK_SITE.model_copy(update={"folder": "docs"})),
        ("mkdocs", Site(kind="mkdocs", url="https://e.com", base="/my-book/", folder="docs")),
        ("mdbook", Site(kind="mdbook", base="/my-book/", folder="src")),
    ],
)
def test_every_chunk_of_the_awkward_pages_leads_somewhere_on_the_real_site(tmp_path: Path, name: str, site: Site) -> None:
    chunks: list[Chunk] = []
    for source, built in json.loads((SITES / name / "expected.json").read_text(encoding="utf-8"))["pages"].items():
        address = unquote(built["address"]).removeprefix("/my-book/")
        file = f"{address}index.html" if address.endswith("/") or not address else address
        write_page(
            tmp_path, file if file.endswith(".html") else f"{file}.html", *(h["id"] for h in built["headings"] if h["id"])
        )
        text = (SITES / name / source).read_text(encoding="utf-8")
        document = add_addresses(parse(SourceFile(source, text)), site)
        chunks += split(document, limits=ChunkLimits(), count=lambda text: len(text) // 4 + 1, collection="book")
    assert len(chunks) > 10
    assert verify(chunks, site, tmp_path) == []

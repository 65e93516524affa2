"""A site known by its sitemap: a file, or a real server on the loopback."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.sites.verification.sitemap import verify_sitemap
from shared.errors import ConfigurationError, ServiceError
from shared.models import Site
from tests.support.site_pages import chunks_of, write_page

TEXT = "# Guide\n\n## One\n\na\n\n## Two\n\nb\n"


def write_sitemap(file: Path, *addresses: str, element: str = "urlset") -> Path:
    locations = "".join(f"<url><loc>\n{address}</loc></url>" for address in addresses)
    file.write_text(f'<?xml version="1.0"?><{element}>{locations}</{element}>', encoding="utf-8")
    return file


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """`tmp_path` on the loopback: its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_tells_which_pages_there_are(tmp_path: Path) -> None:
    sitemap = str(write_sitemap(tmp_path / "sitemap.xml", "https://e.com/docs/guide/", "https://e.com/docs/a%20&amp;%20b"))
    site = Site(kind="docusaurus", url="https://e.com")
    assert verify_sitemap(chunks_of(TEXT, site=site), sitemap) == []
    assert verify_sitemap(chunks_of(TEXT, "a & b.md", site), sitemap) == []
    assert [each.url for each in verify_sitemap(chunks_of(TEXT, "gone.md", site), sitemap)] == ["https://e.com/docs/gone"]


def test_a_gzipped_sitemap_is_read_too(tmp_path: Path) -> None:
    plain = write_sitemap(tmp_path / "sitemap.xml", "https://e.com/docs/guide")
    packed = tmp_path / "sitemap.xml.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert verify_sitemap(chunks_of(TEXT, site=Site(kind="docusaurus", url="https://e.com")), str(packed)) == []


def test_over_http_the_cited_pages_are_read_and_their_ids_checked(tmp_path: Path, served: str) -> None:
    write_page(tmp_path, "docs/guide/index.html", "one")
    write_sitemap(tmp_path / "pages.xml", f"{served}/docs/guide", f"{served}/docs/never-asked-for")
    write_sitemap(tmp_path / "sitemap.xml", f"{served}/pages.xml", element="sitemapindex")
    missing = verify_sitemap(chunks_of(TEXT, site=Site(kind="docusaurus", url=served)), f"{served}/sitemap.xml")
    assert [each.url for each in missing] == [f"{served}/docs/guide#two"]


def test_a_page_the_sitemap_names_and_the_server_lacks_is_the_sites_fault(tmp_path: Path, served: str) -> None:
    write_sitemap(tmp_path / "sitemap.xml", f"{served}/docs/guide")
    with pytest.raises(ServiceError, match="answered 404"):
        verify_sitemap(chunks_of(TEXT, site=Site(kind="docusaurus", url=served)), f"{served}/sitemap.xml")


def test_a_server_that_is_away_is_a_transient_failure() -> None:
    with pytest.raises(ServiceError) as raised:
        verify_sitemap(chunks_of(TEXT), "http://127.0.0.1:9/sitemap.xml")
    assert raised.value.transient


def test_what_is_no_sitemap_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html>", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is no sitemap"):
        verify_sitemap([], str(tmp_path / "page.html"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        verify_sitemap([], str(tmp_path / "none.xml"))

from __future__ import annotations

import re
from pathlib import Path
from posixpath import normpath

import pytest

from server.app import create_app
from server.routes.widget import FOLDER, TITLE
from shared.settings import Settings
from tests.support.fakes import make_services
from tests.support.live_server import serving

SOURCES = sorted((FOLDER / "widget" / "src").glob("*.ts"))
FILES = sorted(file for file in FOLDER.iterdir() if file.suffix in {".html", ".js", ".css"})
OURS = [*(file for file in FILES if file.name != "widget.js"), *SOURCES]


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_nothing_is_loaded_from_elsewhere(file: Path) -> None:
    found = re.findall(r"https?://[^\s'\"`)/]+", file.read_text(encoding="utf-8"))
    assert [address for address in found if "www.w3.org" not in address and "my-space.hf.space" not in address] == []


@pytest.mark.parametrize("file", [file for file in OURS if file.suffix != ".html"], ids=lambda file: file.name)
def test_text_never_becomes_markup(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|document\.write|eval\(", text) == []


def test_every_file_the_pages_name_is_served() -> None:
    services = make_services()
    served = {rule.rule for rule in create_app(services.settings, services).url_map.iter_rules()}
    named = {
        normpath(f"/{name}")
        for file in FILES
        if file.suffix == ".html"
        for name in re.findall(r'(?:src|href)="([\w./]+)"', file.read_text(encoding="utf-8"))
    }
    assert named <= served
    assert {"/widget.js", "/docs.js", "/style.css"} <= named


async def test_the_pages_are_called_after_the_book_and_its_name_is_text() -> None:
    settings = Settings(book_title='Robots <b>&</b> "Arms"')
    async with serving(make_services(settings=settings)) as live:
        page = (await live.client.get("/")).text
        unnamed = await live.client.get("/docs")
    assert page.count("Robots &lt;b&gt;&amp;&lt;/b&gt; &quot;Arms&quot;") == 3
    assert "<b>" not in page
    assert TITLE not in page
    assert "{{" not in page + unnamed.text


async def test_who_has_a_file_is_not_sent_it_again() -> None:
    async with serving(make_services()) as live:
        first = await live.client.get("/widget.js")
        again = await live.client.get("/widget.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


async def test_any_page_may_run_the_widget_and_only_allowed_ones_frame_the_chat() -> None:
    settings = Settings(allowed_origins=("https://example.github.io",))
    async with serving(make_services(settings=settings)) as live:
        widget, frame = await live.client.get("/widget.js"), await live.client.get("/embed")
    assert widget.headers["access-control-allow-origin"] == "*"
    assert widget.headers["content-type"] == "text/javascript; charset=utf-8"
    assert frame.headers["content-security-policy"].endswith("; frame-ancestors 'self' https://example.github.io")


async def test_the_page_leads_back_to_the_book_where_it_is_published() -> None:
    published = Settings(site_url="https://example.github.io", site_base="/book/")
    async with serving(make_services(settings=published)) as live:
        assert '<a href="https://example.github.io/book/">The book</a>' in (await live.client.get("/")).text
    async with serving(make_services()) as live:
        assert "The book</a>" not in (await live.client.get("/")).text

"""Two books in one service, each ingested by its own settings, asked over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from flows.configuration import read_books
from flows.pipeline import ingest
from server.books.switch import MOST_BYTES
from server.services import open_services
from shared.settings import Settings
from tests.support.live_server import LiveServer, request_bytes, serving, text_of

ARMS = "# Arms\n\nThe gripper of an arm moves three joints.\n"
ROVERS = "# Rovers\n\nThe gripper of a rover moves nine wheels.\n"
QUESTION = {"question": "What does the gripper move?", "stream": False}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the service is started with; both books are ingested."""
    folder = tmp_path_factory.mktemp("books")
    for name, text in (("arms", ARMS), ("rovers", ROVERS)):
        (folder / name).mkdir()
        (folder / name / "page.md").write_text(text, encoding="utf-8")
    environment = {
        "BOOKS": "arms,mars-rovers",
        "DATA_DIR": str(folder / "data"),
        "EMBEDDING_MODEL": "none",
        "SITE_KIND": "docusaurus",
        "PREFECT_API_URL": "http://127.0.0.1:1/api",
        "ARMS__BOOK_SOURCE": str(folder / "arms"),
        "ARMS__SITE_URL": "https://robots.example",
        "ARMS__SITE_BASE": "/arms/",
        "MARS_ROVERS__BOOK_SOURCE": str(folder / "rovers"),
        "MARS_ROVERS__BOOK_TITLE": "Rovers of Mars",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for settings in read_books().values():
            asyncio.run(ingest(settings))
    return environment


@pytest.fixture
async def live(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[LiveServer]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with serving(open_services(Settings.read())) as server:
        yield server


async def answer(live: LiveServer, path: str = "/chat", **fields: Any) -> str:
    given = await live.client.post(path, json=QUESTION | fields)
    assert given.status_code == 200, given.text
    return str(given.json()["answer"])


@pytest.mark.parametrize(
    ("path", "fields", "found"),
    [
        ("/chat", {}, "three joints"),
        ("/chat", {"book": "arms"}, "three joints"),
        ("/chat", {"book": "mars-rovers"}, "nine wheels"),
        ("/api/v1/chat", {"Book": "mars-rovers"}, "nine wheels"),
        ("/chat?book=mars-rovers", {}, "nine wheels"),
        ("/books/arms/chat", {}, "three joints"),
        ("/books/mars-rovers/chat", {}, "nine wheels"),
        ("/api/books/mars-rovers/ask", {}, "nine wheels"),
        ("/books/mars-rovers/api/chat", {"page_url": "https://robots.example/arms/docs/page"}, "nine wheels"),
        ("/chat", {"page_url": "https://robots.example/arms/docs/page"}, "three joints"),
    ],
)
async def test_the_book_that_is_named_answers(live: LiveServer, path: str, fields: dict[str, Any], found: str) -> None:
    assert found in await answer(live, path, **fields)


@pytest.mark.one_server
async def test_a_page_tells_whose_book_is_asked(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARS_ROVERS__SITE_URL", "https://robots.example")
    monkeypatch.setenv("MARS_ROVERS__SITE_BASE", "/arms/of/rovers/")
    async with serving(open_services(Settings.read())) as both:
        assert "nine wheels" in await answer(both, page_url="https://robots.example/arms/of/rovers/docs/page")
        assert "three joints" in await answer(both, page_url="https://robots.example/arms/docs/page#arms")
        assert "three joints" in await answer(both, page_url="https://elsewhere.example/arms/of/rovers/")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/chat", {"book": "venus"}), ("POST", "/books/venus/chat", {}), ("GET", "/search?q=x&book=venus", None)],
)
async def test_a_book_that_there_is_not_is_said(live: LiveServer, method: str, path: str, body: dict[str, str] | None) -> None:
    given = await live.client.request(method, path, json=QUESTION | body if body is not None else None)
    assert (given.status_code, given.json()["code"]) == (404, "book_not_found")
    assert "arms, mars-rovers" in given.json()["detail"]


async def test_the_books_are_listed(live: LiveServer) -> None:
    listed = (await live.client.get("/api/books")).json()["books"]
    assert listed == [
        {"name": "arms", "title": "", "site_url": "https://robots.example/arms/", "path": "/books/arms/"},
        {"name": "mars-rovers", "title": "Rovers of Mars", "site_url": None, "path": "/books/mars-rovers/"},
    ]


async def test_a_citation_of_an_unpublished_book_opens_on_its_page(live: LiveServer) -> None:
    given = await live.client.post("/books/mars-rovers/chat", json=QUESTION)
    (source,) = given.json()["citations"]
    assert source["url"] == "/books/mars-rovers/docs/page"
    assert "nine wheels" in (await live.client.get(source["url"])).text
    assert (await live.client.get("/docs/page")).status_code == 404


async def test_the_page_of_a_book_asks_its_own_book(live: LiveServer) -> None:
    assert "Rovers of Mars" in (await live.client.get("/books/mars-rovers/")).text
    assert (await live.client.get("/books/mars-rovers/book")).json()["title"] == "Rovers of Mars"
    assert (await live.client.get("/book")).json()["title"] == ""
    assert (await live.client.get("/books/mars-rovers/health")).json()["chunks_count"] == 1


async def test_an_answer_of_another_book_streams_and_is_remembered(live: LiveServer) -> None:
    stream = (await live.ask({"question": "What does the gripper move?", "book": "mars-rovers"})).text
    assert "nine wheels" in text_of(stream)
    given = (await live.client.post("/chat", json=QUESTION | {"book": "mars-rovers"})).json()
    kept = (await live.client.get(f"/chat/history/{given['conversation_id']}")).json()
    assert "nine wheels" in json.dumps(kept)


async def test_a_body_in_pieces_is_read_whole(live: LiveServer) -> None:
    body = json.dumps(QUESTION | {"book": "mars-rovers"}).encode()
    request = request_bytes(body, "Connection: close")
    async with live.connect() as (reader, writer):
        for start in range(0, len(request), 40):
            writer.write(request[start : start + 40])
            await writer.drain()
            await asyncio.sleep(0)
        assert b"nine wheels" in await reader.read()


async def test_a_body_that_is_too_long_is_refused_as_ever(live: LiveServer) -> None:
    given = await live.client.post("/chat", json=QUESTION | {"filler": "x" * (2 * MOST_BYTES)})
    assert given.status_code == 413


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 5000])
async def test_a_body_that_says_nothing_is_for_the_first_book_to_refuse(live: LiveServer, body: bytes) -> None:
    given = await live.client.post("/chat", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= given.status_code < 500
    assert given.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.one_server
async def test_readers_limits_hold_over_all_books(live: LiveServer) -> None:
    books = live.services.books.values()
    assert {id(each.limits) for each in books} == {id(live.services.limits)}
    assert {id(each.budget) for each in books} == {id(live.services.budget)}

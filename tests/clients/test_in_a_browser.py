"""Clients that readers' pages are built on, on a page of another site, in a real Chromium against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.answering.events import AnswerIds, ChatEvent
from server.answering.pacing import Timing
from shared.settings import Settings
from tests.clients.cutting_proxy import CuttingProxy
from tests.clients.site import INSTALLED, serving_page
from tests.support.chromium import FOUND, Page, browsing
from tests.support.fakes import FakeFinder, ScriptedAnswerer, make_build, make_chunk, make_services, make_source, whole_answer
from tests.support.live_server import LiveServer, serving, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOUND is None, reason="no Chromium is installed: apt-get install chromium, or `make test` as root"),
    pytest.mark.skipif(not INSTALLED, reason="npm's packages are not installed: npm ci --prefix tests/clients, or `make test`"),
    pytest.mark.xdist_group("browser"),
]

CLIENTS = ["ai", "fetchEventSource", "EventSource", "eventsource-parser", "openai"]
URL = make_source().url
ANSWER = "Joints move [1]."


@pytest.fixture
async def page(tmp_path: Path) -> AsyncGenerator[Page]:
    """A page on a site that may ask the server; its address is `page.site`."""
    async with browsing(tmp_path) as page:
        with serving_page() as site:
            await page.open(f"{site}/")
            await page.until("window.ready")
            yield page


@asynccontextmanager
async def server_for(
    page: Page, *steps: ChatEvent | float | asyncio.Event, timing: Timing | None = None
) -> AsyncGenerator[LiveServer]:
    """A server that lets this page's site ask, whose answers are scripted."""
    origin = await page.evaluate("location.origin")
    settings = Settings(allowed_origins=(origin,))
    finder = FakeFinder(make_chunk(), build=make_build())
    answerer = ScriptedAnswerer(*steps)
    async with serving(make_services(settings=settings, finder=finder, answerer=answerer, timing=timing)) as live:
        yield live


async def ask(page: Page, client: str, port: int) -> None:
    await page.evaluate(f"ask({json.dumps(client)}, 'http://127.0.0.1:{port}')")


async def until_state(page: Page, state: str) -> None:
    """Return when what is seen is in that state; in any other but `streaming`, fail with what it is."""
    seen = await page.until("seen.state !== 'streaming' && JSON.stringify(seen)")
    assert json.loads(seen)["state"] == state, seen


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_shows_the_text_while_it_is_written_and_then_its_sources(page: Page, client: str) -> None:
    go, whole = asyncio.Event(), whole_answer(AnswerIds("s", "m", "r"))
    async with server_for(page, *whole[:3], go, *whole[3:]) as live:
        await ask(page, client, live.port)
        await page.until("seen.text === 'Joints '")
        go.set()
        await until_state(page, "done")
        assert await page.evaluate("[seen.text, seen.sources, seen.errors]") == [ANSWER, [URL], []]
    assert page.errors == []


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_that_stops_ends_the_answer(page: Page, client: str) -> None:
    async with server_for(page, *whole_answer(AnswerIds("s", "m", "r"))[:3], asyncio.Event()) as live:
        await ask(page, client, live.port)
        await page.until("seen.text === 'Joints '")
        await page.evaluate("window.stop()")
        await until(lambda: live.services.answerer.closed.is_set() and live.services.limits.open_streams == 0)  # pyright: ignore
        await until_state(page, "stopped")


@pytest.mark.parametrize("client", ["fetchEventSource", "EventSource", "eventsource-parser"])
async def test_a_client_takes_a_broken_stream_up_where_it_broke(page: Page, client: str) -> None:
    async with server_for(page) as live, CuttingProxy(live.port, b'"content":"Joints ","done":false}\n\n') as way:
        await ask(page, client, way.port)
        await page.until("seen.text === 'Joints '")
        way.cut.set()
        await until_state(page, "done")
        assert await page.evaluate("[seen.text, seen.errors.length]") == [ANSWER, 1]
        assert len(live.services.finder.requests) == 1  # pyright: ignore


async def test_an_event_source_stays_away_once_the_answer_is_over(page: Page) -> None:
    async with server_for(page) as live:
        await ask(page, "EventSource", live.port)
        await page.until("seen.isClosed")
        assert await page.evaluate("[seen.text, seen.state, seen.errors]") == [ANSWER, "done", []]
        assert len(live.services.finder.requests) == 1  # pyright: ignore


async def test_use_chat_is_told_that_there_is_nothing_to_take_up(page: Page) -> None:
    async with server_for(page) as live:
        await ask(page, "ai", live.port)
        await until_state(page, "done")
        assert await page.evaluate("seen.resume()") == "ready"
        assert await page.evaluate("seen.offered") == [URL]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_ping_in_a_silence_is_nothing_to_a_client(page: Page, client: str) -> None:
    whole = whole_answer(AnswerIds("s", "m", "r"))
    async with server_for(page, *whole[:3], 0.2, *whole[3:], timing=Timing(heartbeat_s=0.02)) as live:
        await ask(page, client, live.port)
        await until_state(page, "done")
        assert await page.evaluate("[seen.text, seen.errors]") == [ANSWER, []]

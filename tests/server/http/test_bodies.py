"""What becomes of a connection whose request is answered before its body has arrived; over real sockets."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from server.http import bodies
from shared.settings import Settings
from tests.support.fakes import ADMIN_KEY, make_services
from tests.support.live_server import request_bytes, serving

BODY = b'{"question": "What moves?"}'
SECOND = request_bytes(b"", method="GET", path="/health/live")
SETTINGS = Settings.model_validate({"admin_api_key": ADMIN_KEY, "environment": "production", "requests_per_minute": 1})


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/nowhere", (), 405),
        ("/search", (), 405),
        ("/ingest", (), 401),
        ("/ingest", ("X-API-Key: wrong",), 403),
        ("/chat", ("Origin: https://elsewhere.example",), 403),
    ],
)
async def test_after_a_refusal_at_the_headers_the_next_request_is_answered(
    path: str, headers: tuple[str, ...], status: int
) -> None:
    request = request_bytes(BODY, *headers, path=path)
    async with serving(make_services(settings=SETTINGS)) as live, live.connect() as (reader, writer):
        writer.write(request.removesuffix(BODY))
        answering = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        await asyncio.wait({answering}, timeout=0.2)  # time to answer too early
        writer.write(BODY + SECOND)
        assert (await answering).startswith(b"HTTP/1.1 %d" % status)
        await reader.readuntil(b'{"status":"ok"}')


async def test_after_too_many_requests_the_next_one_is_answered() -> None:
    async with serving(make_services(settings=SETTINGS)) as live:
        await live.ask()
        async with live.connect() as (reader, writer):
            writer.write(request_bytes(BODY).removesuffix(BODY))
            answering = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
            await asyncio.wait({answering}, timeout=0.2)
            writer.write(BODY + SECOND)
            assert (await answering).startswith(b"HTTP/1.1 429")
            await reader.readuntil(b'{"status":"ok"}')


@pytest.mark.one_server
@pytest.mark.parametrize("announced", [100_000, len(BODY)])
async def test_a_body_too_large_or_too_late_ends_the_connection_and_says_so(
    monkeypatch: pytest.MonkeyPatch, announced: int
) -> None:
    monkeypatch.setattr(bodies, "SETTLE_S", 0.05)
    async with serving(make_services()) as live, live.connect() as (reader, writer):
        writer.write(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % announced)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 405")
        assert b"\r\nconnection: close\r\n" in head
        await reader.read()
        assert reader.at_eof()


@pytest.mark.one_server
async def test_over_http_2_nothing_is_said_of_the_connection() -> None:
    async with (
        serving(make_services()) as live,
        httpx.AsyncClient(http1=False, http2=True, base_url=live.client.base_url) as client,
    ):
        response = await client.post("/nowhere", content=b"x" * 30_000)
        again = await client.get("/health/live")
    assert (response.http_version, response.status_code, again.status_code) == ("HTTP/2", 405, 200)
    assert "connection" not in response.headers

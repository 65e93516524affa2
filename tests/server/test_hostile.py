"""What a caller with bad manners gets over a real socket: an answer or an end, never a trace, never a hold on others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated
from structlog.testing import capture_logs

from server.answering.events import AnswerIds
from shared.settings import Settings
from tests.support.fakes import ADMIN_KEY, FakeFinder, ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import LiveServer, request_bytes, serving, until

POST = b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
GET = b"GET /search?q=x HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    with capture_logs() as lines:
        async with serving(make_services()) as server:
            yield server
            assert (await server.client.get("/health/live")).status_code == 200
    assert [line for line in lines if line["log_level"] in {"error", "critical"}] == []


async def send(live: LiveServer, data: bytes) -> tuple[int, bytes]:
    """Status and head of the answer to `data`; 0: the connection was closed without one."""
    async with live.connect() as (reader, writer):
        writer.write(data)
        line = await reader.readline()
        head = await reader.readuntil(b"\r\n\r\n") if line else b""
    return int(line.split()[1]) if line else 0, head


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (POST + b"Content-Length: 10000000000\r\n\r\n", {413}),
        (POST + b"Content-Length: -5\r\n\r\n", {400}),
        (POST + b"Content-Length: many\r\n\r\n", {400}),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", {400}),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400}),
        (POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", {400}),
        (POST + b"Origin: http://[x]:a\r\nContent-Length: 2\r\n\r\n{}", {403}),
        (POST + b"Origin: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}", {403}),
        (POST + b"Origin: null\r\nContent-Length: 2\r\n\r\n{}", {403}),
        (GET + b"X-Filler: " + b"a" * 100_000 + b"\r\n\r\n", {431}),
        (GET + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n", {200}),
        (GET + b"X-Request-ID: \xe9\r\nX-Forwarded-For: \xff,,,\r\nLast-Event-ID: \xb2\r\n\r\n", {200}),
        (b"GET /search?q=" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
        (b"GET /search?q=%zz%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
        (b"GET /search?q=x&path=%2e%2e%2f%00 HTTP/1.1\r\nHost: x\r\n\r\n", {200}),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", {404}),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", {200, 404}),
        (b"GET /health HTTP/1.1\r\n\r\n", {400}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50, {400}),
        (GET + WEBSOCKET, {400, 404}),
    ],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
async def test_bytes_that_are_no_decent_request_are_refused(live: LiveServer, data: bytes, statuses: set[int]) -> None:
    status, head = await send(live, data)
    assert status in statuses
    assert status == 200 or b"application/problem+json" in head


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (b"Content-Length: -5\r\n", 400, "bad_request"),
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400, "bad_request"),
        (b"X-Filler: " + b"a" * 100_000 + b"\r\n", 431, "headers_too_large"),
        (b"Transfer-Encoding: gzip\r\n", 501, "transfer_not_supported"),
    ],
)
async def test_what_never_becomes_a_request_is_a_problem_too(live: LiveServer, headers: bytes, status: int, code: str) -> None:
    async with live.connect() as (reader, writer):
        writer.write(POST + headers + b"\r\n{}")
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        problem = json.loads(await reader.read())
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "connection: close" in head.lower()
    assert (problem["status"], problem["code"]) == (status, code)
    assert f"x-request-id: {problem['request_id']}" in head.lower()


@pytest.mark.parametrize("path", [b"//chat", b"/chat//selection", b"/chat/selection//", b"//evil.example/chat", b"/api//chat"])
async def test_no_address_is_redirected(live: LiveServer, path: bytes) -> None:
    status, head = await send(live, b"POST " + path + b" HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n")
    assert status in {400, 404, 405}
    assert b"application/problem+json" in head
    assert b"evil.example" not in head


@pytest.mark.parametrize("host", [b"", b"null", b"x"])
async def test_a_page_from_nowhere_is_no_page_of_ours(live: LiveServer, host: bytes) -> None:
    start = b"POST /chat HTTP/1.1\r\nHost: " + host + b"\r\nOrigin: null\r\nContent-Length: 2\r\n\r\n{}"
    assert (await send(live, start))[0] == 403


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/chat/selection", {"POST", "DELETE", "OPTIONS"}),  # or of a conversation of that id
        ("/ingest", {"POST", "OPTIONS"}),
        ("/ask", {"POST", "OPTIONS"}),
        ("/api/v1/chat/selection", {"POST", "DELETE", "OPTIONS"}),
        ("/chat/0123/stop", {"POST", "OPTIONS"}),
        ("/search", {"GET", "HEAD", "OPTIONS"}),
        ("/docs/a-page", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_a_method_that_is_not_allowed_is_told_which_are(live: LiveServer, path: str, allowed: set[str]) -> None:
    response = await live.client.request("PUT", path)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert set(response.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *((value, "invalid_field") for value in ("1e999", '"many"', '"nan"', "true", "[]", "{}")),
        *((value, "malformed_json") for value in ("NaN", "Infinity", "-Infinity", "1" + "0" * 5000, "0x10", "05")),
    ],
)
async def test_a_count_that_is_none_is_refused(live: LiveServer, value: str, code: str) -> None:
    body = f'{{"question": "Why?", "k": {value}}}'.encode()
    response = await live.client.post("/chat", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, code)


@pytest.mark.parametrize("value", ["0", "-1", "21", "1.5", '"5"', "1" + "0" * 300])
async def test_a_count_out_of_range_is_the_nearest_in_it(live: LiveServer, value: str) -> None:
    body = f'{{"question": "Why?", "k": {value}}}'.encode()
    response = await live.client.post("/chat", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


@pytest.mark.parametrize("value", ["0", "-1", "51", "NaN", "1.5", "٥", "", "9" * 5000, "+5", " 5", "0x5"])
async def test_a_count_in_the_address_that_is_none_is_refused(live: LiveServer, value: str) -> None:
    assert (await live.client.get("/search", params={"q": "x", "k": value})).json()["code"] == "invalid_field"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"question": ["x"]}', "invalid_field"),
        (b'{"question": {}}', "invalid_field"),
        (b'{"question": "x", "stream": "perhaps"}', "invalid_field"),
        (b'{"question": "x", "messages": {"a": 1}}', "invalid_field"),
        (b'{"question": "x", "history": [[]]}', "invalid_field"),
        (b'{"question": null}', "question_missing"),
        ('{"question": " \u2003\u00a0"}'.encode(), "question_missing"),
        (b'{"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}', "question_missing"),
        (b'{"question": "' + b"x" * 4001 + b'"}', "question_too_long"),
        (b"[]", "malformed_json"),
        (b'{"question": "\\ud800"}', "malformed_json"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        (b'{"a":' * 9000 + b"1" + b"}" * 9000, "malformed_json"),
        (b'{"question": "x", "history": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "malformed_json"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_a_body_that_makes_no_sense_is_refused(live: LiveServer, body: bytes, code: str) -> None:
    response = await live.client.post("/chat", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "question", ["💥", "\u202eesrever", "e\u0301" * 1000, "ß'); DROP TABLE chunks;--", "<script>", "\\x00\\", "𒀀" * 3999]
)
async def test_any_text_is_a_question(live: LiveServer, question: str) -> None:
    response = await live.ask({"question": question})
    assert response.status_code == 200
    assert '"done":true' in response.text


async def test_a_body_that_comes_in_drops_is_not_waited_for() -> None:
    async with serving(make_services(), BODY_TIMEOUT=0.3) as live, live.connect() as (reader, writer):
        writer.write(POST + b"Content-Length: 1000\r\n\r\n")
        dripping = asyncio.create_task(_drip(writer))
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        assert not dripping.done()
        dripping.cancel()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.02)


async def test_two_hundred_connections_that_say_nothing_keep_nobody_out(live: LiveServer) -> None:
    async with AsyncExitStack() as stack:
        for n in range(200):
            _, writer = await stack.enter_async_context(live.connect())
            writer.write((POST + b"X-Begun: ")[: n * 2])
        assert (await live.ask()).status_code == 200


async def test_a_connection_that_takes_its_requests_back_as_fast_as_it_makes_them_is_ended(live: LiveServer) -> None:
    asking = H2Connection()
    asking.initiate_connection()
    for stream in range(1, 301, 2):
        asking.send_headers(stream, [(":method", "GET"), (":path", "/health/live"), (":scheme", "http"), (":authority", "x")])
        asking.reset_stream(stream)
    async with live.connect() as (reader, writer):
        writer.write(asking.data_to_send())
        said = asking.receive_data(await reader.read())
    assert [event.error_code for event in said if isinstance(event, ConnectionTerminated)] == [ErrorCodes.ENHANCE_YOUR_CALM]


async def test_streams_nobody_reads_are_as_many_as_allowed_and_others_still_search() -> None:
    never = asyncio.Event()
    settings = Settings(environment="production", max_streams=6, trusted_hops=1)
    services = make_services(settings=settings, answerer=ScriptedAnswerer(*whole_answer(AnswerIds("s", "m", "r"))[:3], never))
    async with serving(services) as live, AsyncExitStack() as stack:
        for n in range(6):
            _, writer = await stack.enter_async_context(live.connect())
            writer.write(request_bytes(b'{"question": "%d?"}' % n, f"X-Forwarded-For: 1.1.1.{n // 4}"))
        await until(lambda: services.limits.open_streams == 6)
        hers = await live.ask(X_Forwarded_For="1.1.1.0")
        assert (hers.status_code, hers.json()["code"], hers.headers["retry-after"]) == (429, "too_many_streams", "5")
        others = await live.ask(X_Forwarded_For="2.2.2.2")
        assert (others.status_code, others.json()["code"], others.headers["retry-after"]) == (503, "busy", "5")
        found = await live.client.get("/search?q=x", headers={"X-Forwarded-For": "2.2.2.2"})
        assert found.status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/ingest"), ("DELETE", "/ingest/00000000-0000-0000-0000-000000000000")])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Basic bGV0LW1lLWlu"}, 401),
        ({"Authorization": "Bearer let-me"}, 403),
        ({"Authorization": f"Bearer {ADMIN_KEY}2"}, 403),
        ({"X-API-Key": ADMIN_KEY.upper()}, 403),
    ],
)
async def test_an_ingest_needs_the_key_to_the_letter(method: str, path: str, headers: dict[str, str], status: int) -> None:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY})
    async with serving(make_services(settings=settings, finder=FakeFinder())) as live:
        response = await live.client.request(method, path, headers=headers)
        latest = await live.services.prefect.latest()
    assert (response.status_code, latest) == (status, None)
    assert response.headers["www-authenticate" if status == 401 else "x-request-id"]

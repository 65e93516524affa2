from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

import httpx
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from server.answering.pacing import Timing
from server.app import create_app
from shared.errors import ConfigurationError
from shared.settings import Settings
from tests.support.fakes import FakeFinder, ScriptedAnswerer, make_services
from tests.support.live_server import LiveServer, request_bytes, serving, until

OURS = "https://mrowaisabdullah.github.io"
THEIRS = "https://elsewhere.example"


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "path", "content", "content_type", "status", "code"),
    [
        ("GET", "/nowhere", b"", None, 404, "not_found"),
        ("GET", "/chat/selection", b"", None, 405, "method_not_allowed"),
        ("POST", "/chat", b"x" * 70_000, "application/json", 413, "too_large"),
        ("POST", "/chat", b"question=why", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("POST", "/chat", b"<a/>", "text/xml", 415, "unsupported_media_type"),
        ("POST", "/chat", b"", "application/json", 400, "malformed_json"),
        ("POST", "/chat", b"{", "application/json", 400, "malformed_json"),
        ("POST", "/chat", b"[" * 60_000, "application/json", 400, "malformed_json"),
        ("POST", "/chat", '{"question": "x"}'.encode("utf-16"), "application/json", 400, "malformed_json"),
        ("POST", "/chat", b'{"question": "\\u0000"}', "application/json", 400, "malformed_json"),
        ("POST", "/chat", b'{"question": "\xff"}', "application/json; charset=latin-1", 400, "malformed_json"),
        ("POST", "/chat", b"{}", "application/json", 400, "question_missing"),
        pytest.param("GET", "/ingest/%00", b"", None, 404, "not_found", marks=pytest.mark.one_server),
        ("GET", "/%ff%fe", b"", None, 404, "not_found"),
    ],
)
async def test_every_refusal_is_a_problem(  # noqa: PLR0917
    live: LiveServer, method: str, path: str, content: bytes, content_type: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = await live.client.request(method, path, content=content, headers=headers)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:lectern:problem:{code}"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["detail"].endswith(".")


async def test_a_body_without_a_content_type_is_taken_for_json(live: LiveServer) -> None:
    response = await live.client.post("/chat", content=b'{"question": "What moves?"}')
    assert response.status_code == 200


async def test_a_method_that_is_not_allowed_names_those_that_are(live: LiveServer) -> None:
    assert "POST" in (await live.client.get("/chat/selection")).headers["allow"]


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    async with serving(make_services(), BODY_TIMEOUT=0.05) as live, live.connect() as (reader, writer):
        writer.write(b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")


async def test_a_body_without_a_length_is_capped_too(live: LiveServer) -> None:
    head = b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with live.connect() as (reader, writer):
        writer.write(head + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5)
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")


async def test_a_given_request_id_is_kept_when_it_is_one(live: LiveServer) -> None:
    assert (await live.client.get("/nowhere", headers={"X-Request-ID": "abc-1"})).json()["request_id"] == "abc-1"
    assert (await live.client.get("/nowhere", headers={"X-Request-ID": "a b<script>"})).json()["request_id"] != "a b<script>"


async def test_an_unexpected_error_tells_nothing_but_its_request_id() -> None:
    async with serving(make_services(finder=FakeFinder(failure=KeyError("sk-secret")))) as live:
        response = await live.client.get("/search", params={"q": "x"}, headers={"Origin": OURS})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "sk-secret" not in response.text
    assert response.headers["access-control-allow-origin"] == OURS


@pytest.mark.parametrize("path", ["/chat", "/search?q=x", "/nowhere", "/health"])
async def test_an_allowed_origin_is_echoed_with_credentials(live: LiveServer, path: str) -> None:
    method = "POST" if path == "/chat" else "GET"
    response = await live.client.request(method, path, json={"question": "Why?"}, headers={"Origin": OURS})
    assert response.headers["access-control-allow-origin"] == OURS
    assert response.headers["access-control-allow-credentials"] == "true"
    assert set(response.headers["access-control-expose-headers"].lower().split(", ")) == {
        "x-request-id",
        "retry-after",
        "cache-status",
    }
    assert "origin" in response.headers["vary"].lower()


async def test_another_origin_gets_no_leave_but_the_cache_is_told(live: LiveServer) -> None:
    response = await live.client.get("/health", headers={"Origin": THEIRS})
    assert "access-control-allow-origin" not in response.headers
    assert "origin" in response.headers["vary"].lower()


async def test_a_preflight_allows_what_widgets_send(live: LiveServer) -> None:
    wanted = "content-type, authorization, x-api-key, x-anonymous-session-id, last-event-id, x-stainless-lang, x-requested-with"
    headers = {"Origin": OURS, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
    response = await live.client.options("/chat", headers=headers)
    assert response.status_code == 200
    assert set(response.headers["access-control-allow-headers"].split(", ")) == set(wanted.split(", "))
    assert "POST" in response.headers["access-control-allow-methods"]
    foreign = await live.client.options("/chat", headers=headers | {"Origin": THEIRS})
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize(
    "origin", [THEIRS, "null", "https://mrowaisabdullah.github.io.elsewhere.example", "http://localhost:1"]
)
async def test_a_post_from_another_origin_never_runs(origin: str) -> None:
    finder = FakeFinder()
    async with serving(make_services(finder=finder)) as live:
        response = await live.ask(Origin=origin)
    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")
    assert finder.requests == []


async def test_the_built_in_page_may_ask_its_own_server(live: LiveServer) -> None:
    assert (await live.ask(Origin=f"http://127.0.0.1:{live.port}")).status_code == 200
    page = await live.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    for name in ("/widget.js", "/docs.js"):
        assert (await live.client.get(name)).headers["content-type"] == "text/javascript; charset=utf-8"


async def test_origins_must_be_named() -> None:
    services = make_services(settings=Settings(allowed_origins=("*",)))
    with pytest.raises(ConfigurationError, match="ALLOWED_ORIGINS"):
        create_app(services.settings, services)
    await services.aclose()


async def test_a_reader_too_fast_is_told_so_kindly() -> None:
    settings = Settings(requests_per_minute=1, environment="production")
    async with serving(make_services(settings=settings)) as live:
        assert (await live.ask()).status_code == 200
        refused = await live.ask(Origin=OURS)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["access-control-allow-origin"] == OURS
        assert (await live.client.options("/chat")).status_code == 200
        assert (await live.client.get("/health")).status_code == 200
        assert (await live.ask(X_Forwarded_For="6.6.6.6")).status_code == 429


@pytest.mark.one_server
async def test_behind_a_trusted_proxy_readers_are_told_apart() -> None:
    settings = Settings(requests_per_minute=1, trusted_hops=1)
    async with serving(make_services(settings=settings)) as live:
        assert (await live.ask(X_Forwarded_For="6.6.6.6, 1.1.1.1")).status_code == 200
        assert (await live.ask(X_Forwarded_For="7.7.7.7, 1.1.1.1")).status_code == 429
        assert (await live.ask(X_Forwarded_For="1.1.1.1, 2.2.2.2")).status_code == 200


async def test_the_api_describes_itself_and_every_operation_has_its_own_name(live: LiveServer) -> None:
    api = (await live.client.get("/openapi.json")).json()
    names = [operation["operationId"] for methods in api["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for methods in api["paths"].values() for operation in methods.values())
    assert "question" in api["paths"]["/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert (await live.client.get("/docs")).status_code == 200


@pytest.fixture
def nothing_may_block() -> Iterator[BlockBuster]:
    with blockbuster_ctx() as watch:
        yield watch


async def test_no_request_blocks_the_loop(nothing_may_block: BlockBuster) -> None:
    nothing_may_block.deactivate()
    async with serving(make_services()) as live:
        nothing_may_block.activate()
        answers = await asyncio.gather(
            live.ask(),
            live.ask({"question": "Why?", "stream": False}),
            *(
                live.client.get(path)
                for path in ("/health", "/search?q=x", "/openapi.json", "/docs", "/", "/ingest/status", "/x")
            ),
        )
        nothing_may_block.deactivate()
    assert [answer.status_code for answer in answers] == [200] * 8 + [404]


async def test_a_request_sent_behind_a_question_is_answered_after_it(live: LiveServer) -> None:
    async with live.connect() as (reader, writer):
        writer.write(request_bytes(b'{"question": "What moves?"}') + request_bytes(b"", method="GET", path="/health/live"))
        await reader.readuntil(b'"done":true')
        await reader.readuntil(b'{"status":"ok"}')


@pytest.mark.one_server
async def test_streams_are_counted_not_connections() -> None:
    go = asyncio.Event()
    answerer = ScriptedAnswerer(go)
    settings, often = Settings(environment="production", max_streams=40), Timing(heartbeat_s=0.05)
    services = make_services(settings=settings, answerer=answerer, timing=often)  # httpx reads on only while bytes come
    async with serving(services) as live, httpx.AsyncClient(http1=False, http2=True, base_url=live.client.base_url) as client:
        asking = [asyncio.create_task(client.post("/chat", json={"question": f"{n}?"})) for n in range(4)]
        await until(lambda: services.limits.open_streams == 4)
        fifth = await client.post("/chat", json={"question": "5?"})
        assert (fifth.http_version, fifth.status_code, fifth.json()["code"]) == ("HTTP/2", 429, "too_many_streams")
        go.set()
        await asyncio.gather(*asking)
        await until(lambda: services.limits.open_streams == 0)

"""Requests nobody should send: Schemathesis over the OpenAPI document, and bodies made by breaking good ones."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from server.problems import MEANINGS
from tests.figures.measuring.harness import Measured, Server, Trial, make_book, serve
from tests.support.fakes import ADMIN_KEY, PrefectStandIn
from tests.support.loopback_http import Exchange, LoopbackServer, Received

ORIGIN = "https://mrowaisabdullah.github.io"
SECRETS = (ADMIN_KEY, "jwt-canary-of-at-least-32-bytes!", "reader-canary-of-at-least-32-bytes")
LEAKS = (*SECRETS, "Traceback", "site-packages", "/tests/figures", '.py"')
"""What no answer may hold."""
ROUTES = (
    "/chat", "/chat/selection", "/ask", "/query", "/v1/chat/completions", "/api/ui-chat", "/feedback", "/ingest", "/embed",
    "/content/a.md", "/chat/0123/stop", "/api/chat", "/chat/stream",
)  # fmt: skip
GOOD: Sequence[dict[str, Any]] = (
    {"question": "Why?", "history": [{"role": "user", "content": "x"}], "session_id": "s", "k": 5, "stream": False},
    {"question": "Why?", "selected_text": "joints", "page_url": "https://a.example/b", "user_id": "u", "stream": True},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}], "model": "m", "stream": False},
    {"id": "c", "messages": [{"id": "m", "role": "user", "parts": [{"type": "text", "text": "Why?"}]}], "trigger": "x"},
    {"message_id": "m", "rating": "up", "reason": "good"},
    {"full": True},
    {"path": "a.md", "content": "# A\n\nText.\n"},
)  # fmt: skip
ODD = (
    None, True, -1, 0, 1.5, 10**40, "", " ", "\u202e", "\ufeff", "x" * 9000, [], {}, [[]], [None], {"a": {"b": []}}, "\u0000",
    "../../etc/passwd", "file:///etc/passwd", "<script>", "'; DROP TABLE x;--", "{{7*7}}", "%00", "\r\nX: y", "𒀀" * 500,
    [[[[[[]]]]]],
)  # fmt: skip
TYPES = (
    "application/json", "application/json", "application/json", "text/plain", "application/x-www-form-urlencoded", "",
    "application/json; charset=utf-16", "multipart/form-data; boundary=x", "application/vnd.api+json", "\x7f", "a" * 500,
)  # fmt: skip


class Told(NamedTuple):
    """One answer."""

    asked: str
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    text: str

    def faults(self) -> list[str]:
        """What is not as it should be."""
        found = [f"leaks {leak!r}" for leak in LEAKS if leak in self.text or leak in str(self.headers)]
        if self.status >= 500:
            found.append(str(self.status))
        if self.headers.get("access-control-allow-origin") != ORIGIN and self.status not in {431, 501}:
            found.append(f"{self.status} without CORS")
        if self.status >= 400 and self.text and not self._is_problem():
            found.append(f"{self.status} is no problem")
        return found

    def _is_problem(self) -> bool:
        """In the shape of OpenAI's errors where its clients ask, and one sentence where `useChat` does."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return "/ui-chat" in self.asked and self.text.endswith(".") and "\n" not in self.text
        if self.headers.get("content-type") == "application/problem+json":
            return body["code"] in MEANINGS
        return "/completions" in self.asked and set(body) == {"error"} and body["error"]["code"] in MEANINGS


@asynccontextmanager
async def prefect_on_a_socket() -> AsyncGenerator[str]:
    """The address of Prefect's API, as far as the web process uses it; every run is over when it is looked at."""
    prefect = PrefectStandIn()

    async def serve_prefect(request: Received, exchange: Exchange) -> None:
        answer = await prefect.transport.handle_async_request(
            httpx.Request(request.method, f"http://prefect{request.path}", content=request.body, headers=dict(request.headers))
        )
        await exchange.reply(answer.status_code, await answer.aread())
        for run in prefect.runs:  # else an edit of a page waits for a worker longer than Schemathesis for an answer
            run["state"]["type"] = "COMPLETED"

    server = LoopbackServer(serve_prefect)
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}/api"
    finally:
        await server.stop()


async def bad_input(trial: Trial) -> Measured:
    """Both, against one server that has everything configured, as its author."""
    await make_book(trial)
    async with (
        prefect_on_a_socket() as prefect,
        serve(
            trial.folder, PREFECT_API_URL=prefect, ADMIN_API_KEY=ADMIN_KEY, JWT_SECRET=SECRETS[1], DAILY_BUDGET_USD=0,
            READER_API_KEYS=f"canary:{SECRETS[2]}:100000", REQUESTS_PER_MINUTE=1_000_000, ALLOWED_ORIGINS=ORIGIN,
        ) as server,
    ):  # fmt: skip
        fuzzed = await _fuzz(server, trial)
        broken = await _send_broken(server, trial)
        is_well = (await server.client.get("/health/ready")).status_code == 200
        tracebacks = server.tracebacks()
    faults = Counter(fault for told in (*fuzzed, *broken) for fault in told.faults())
    examples = [f"{told.asked}: {told.faults()[0]}" for told in (*fuzzed, *broken) if told.faults()][:3]
    statuses = Counter(f"{told.status // 100}xx" for told in (*fuzzed, *broken))
    text = (
        f"{len(fuzzed):,} requests of Schemathesis, {len(broken):,} broken bodies: "
        f"{', '.join(f'{count:,} x {status}' for status, count in sorted(statuses.items()))}; {tracebacks} tracebacks"
    ) + (f"; {dict(faults)}, as {examples}" if faults else "")
    return Measured(text, len(fuzzed) + len(broken), faults.total() + tracebacks + (not is_well) + (not fuzzed))


async def _fuzz(server: Server, trial: Trial) -> list[Told]:
    """What Schemathesis was answered."""
    archive = trial.folder / "schemathesis.har"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{server.client.base_url}/openapi.json",
        "--phases", "coverage,fuzzing,stateful" if not trial.is_short else "fuzzing", "--checks", "not_a_server_error",
        "--seed", str(trial.seed), "--max-examples", str(trial.pick(60, 2)), "--no-shrink", "--continue-on-failure",
        "--suppress-health-check", "all", "--warnings", "off", "--report-har-path", str(archive), "--output-sanitize", "false",
        "-H", f"Origin: {ORIGIN}", "-H", f"X-API-Key: {ADMIN_KEY}",
        cwd=trial.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    (trial.folder / "schemathesis.log").write_bytes(said)
    return list(_archived(archive))


def _archived(archive: Path) -> Iterable[Told]:
    for entry in json.loads(archive.read_text(encoding="utf-8"))["log"]["entries"]:
        answer = entry["response"]
        headers = {header["name"].lower(): header["value"] for header in answer["headers"]}
        asked = f"{entry['request']['method']} {entry['request']['url'][:100]}"
        yield Told(asked, answer["status"], headers, answer["content"].get("text", "") or "")


async def _send_broken(server: Server, trial: Trial) -> list[Told]:
    count, lanes = trial.pick(5_000, 80), 4
    headers = {"Origin": ORIGIN, "X-API-Key": ADMIN_KEY}

    async def send(lane: int) -> list[Told]:
        told = list[Told]()
        for n in range(lane, count, lanes):
            route, body, kind = _broken(random.Random(trial.seed * 100_003 + n))
            method = "PUT" if route.startswith("/content/") else "POST"
            kinds = headers | ({"Content-Type": kind} if kind else {})
            answer = await server.client.request(method, route, content=body, headers=kinds)
            told.append(Told(f"{method} {route} {body[:60]!r}", answer.status_code, answer.headers, answer.text))
        return told

    return [one for each in await asyncio.gather(*map(send, range(lanes))) for one in each]


def _broken(chance: random.Random) -> tuple[str, bytes, str]:
    """Route, body and content type."""
    body = json.loads(json.dumps(chance.choice(GOOD)))
    for _ in range(chance.randint(0, 3)):
        name = chance.choice([*body, "question", "stream", "k", "history", "messages", "selection", "page_url", "unknown"])
        body[name] = chance.choice(ODD)
    data = json.dumps(body, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    for break_ in chance.sample(BREAKS, k=chance.choice((0, 0, 1, 1, 2))):
        data = break_(data, chance)
    return chance.choice(ROUTES), data[:200_000], chance.choice(TYPES)


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data or b"x")
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


BREAKS: Sequence[Callable[[bytes, random.Random], bytes]] = (
    _flip,
    lambda data, chance: data[: chance.randrange(len(data) + 1)],
    lambda data, chance: data * chance.randint(2, 40),
    lambda data, chance: b"[" * chance.choice((50, 5_000, 60_000)) + data,
    lambda data, chance: data.replace(b'"', b"'"),
    lambda data, chance: data.replace(b"}", b', "question": 5, "question": "two"}'),
    lambda data, chance: b"\xef\xbb\xbf" + data,
    lambda data, chance: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data, chance: data.replace(b"Why?", b"\\ud800\\u0000"),
    lambda data, chance: data.replace(b":", b": 1e9999 ,"),
    lambda data, chance: chance.randbytes(chance.randint(0, 2_000)),
)

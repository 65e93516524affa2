"""An OpenAI-compatible server whose every answer can be computed by hand, and which fails on demand.

In a test, the `stand_in` fixture; from another process, `python -m tests.support.openai.stand_in --port N` and its control
endpoints:

    POST /control/fail    {"endpoint": "chat", "failure": "cut", "times": 1, "after": 2, "seconds": 5, "retry_after_s": 1}
    POST /control/say     {"deltas": ["Hel", "lo [1]."], "finish_reason": "stop"}: the next chat answer
    POST /control/pace    {"seconds": 0.05}: pause before every delta
    GET  /control/requests  [{"endpoint", "inputs", "left_early", "body"}], oldest first
    POST /control/reset   forgets requests, failures and scripts

Unscripted, the chat model quotes the first line of each of the first two passages it is given and cites them.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pytest

from tests.support.loopback_http import CallerLeftError, Exchange, LoopbackServer, Received
from tests.support.openai.chat import Armed, BrokenStream, completion, count_tokens, event, quote_passages, say
from tests.support.openai.vectors import as_base64, bag_of_words

Endpoint = Literal["chat", "embeddings", "models"]
Refusal = Literal["unauthorized", "unknown_model", "rate_limited", "insufficient_quota", "server_error", "unavailable", "html"]
BrokenVectors = Literal["wrong_length", "nan", "out_of_order", "too_many", "no_usage"]
Failure = Refusal | BrokenStream | BrokenVectors

REFUSALS: dict[str, tuple[int, str, str]] = {
    "unauthorized": (401, "invalid_api_key", "Incorrect API key provided: sk-secret."),
    "unknown_model": (404, "model_not_found", "The model does not exist or you do not have access to it."),
    "rate_limited": (429, "rate_limit_exceeded", "Rate limit reached for requests."),
    "insufficient_quota": (429, "insufficient_quota", "You exceeded your current quota."),
    "server_error": (500, "server_error", "The server had an error at /srv/secret/path.py."),
    "unavailable": (503, "overloaded", "The engine is currently overloaded."),
}
HTML = "<!doctype html><html><body><h1>Welcome to the captive portal</h1></body></html>"


@dataclass(slots=True)
class Seen:
    """A request that arrived."""

    endpoint: str
    body: dict[str, Any]
    headers: dict[str, str]
    at_s: float
    """Monotonic time."""
    left_early: bool = False
    """The caller closed the connection before the answer was complete."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def inputs(self) -> list[str]:
        """Texts of an embeddings request."""
        given = self.body.get("input", [])
        return [given] if isinstance(given, str) else list(given)


class StandIn:
    """The server; `async with StandIn() as stand_in` runs it."""

    def __init__(self, port: int = 0, dimensions: int = 64) -> None:
        self.dimensions = dimensions
        """Length of the vectors where a request names none."""
        self.pace_s = 0.0
        self.refuses: set[str] = set()
        """Parameters of a chat request that are refused, as OpenAI does it."""
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        """Set by the first request."""
        self._armed: dict[str, deque[Armed]] = {name: deque() for name in get_args(Endpoint)}
        self._scripts: deque[tuple[Sequence[str], str]] = deque()
        self._server = LoopbackServer(self._serve, port)

    async def __aenter__(self) -> StandIn:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/v1"

    def fail(self, endpoint: Endpoint, failure: Failure, *, times: int = 1, **how: Any) -> None:
        """Make the next `times` requests to `endpoint` fail; `how` as in `Armed`."""
        self._armed[endpoint].extend([Armed(failure, **how)] * times)

    def say(self, deltas: Sequence[str], finish_reason: str = "stop") -> None:
        """Script one chat answer; scripts are used in the order given."""
        self._scripts.append((tuple(deltas), finish_reason))

    def count(self, endpoint: Endpoint) -> int:
        return sum(seen.endpoint == endpoint for seen in self.seen)

    def reset(self) -> None:
        self.seen.clear()
        self.arrived.clear()
        self._scripts.clear()
        self.pace_s = 0.0
        for queue in self._armed.values():
            queue.clear()

    async def _serve(self, request: Received, exchange: Exchange) -> None:
        if request.path.startswith("/control/"):
            await exchange.reply(200, self._control(request.path.removeprefix("/control/"), request.json()))
            return
        endpoint = {"/v1/chat/completions": "chat", "/v1/embeddings": "embeddings"}.get(request.path, "models")
        seen = Seen(endpoint, request.json(), dict(request.headers), time.monotonic())
        self.seen.append(seen)
        self.arrived.set()
        try:
            await self._answer(seen, exchange)
        except (CallerLeftError, ConnectionError):
            seen.left_early = True
        finally:
            seen.ended.set()

    def _control(self, command: str, body: dict[str, Any]) -> object:
        if command == "fail":
            self.fail(body.pop("endpoint"), body.pop("failure"), **body)
        elif command == "say":
            self.say(**body)
        elif command == "pace":
            self.pace_s = body["seconds"]
        elif command == "reset":
            self.reset()
        return [
            {"endpoint": seen.endpoint, "inputs": len(seen.inputs), "left_early": seen.left_early, "body": seen.body}
            for seen in self.seen
        ]

    async def _answer(self, seen: Seen, exchange: Exchange) -> None:
        queue = self._armed[seen.endpoint]
        armed = queue.popleft() if queue else Armed("")
        if armed.failure == "slow":
            await exchange.pause(armed.seconds)
        if refused := sorted(self.refuses & seen.body.keys()):
            message = f"Unsupported parameter: '{refused[0]}' is not supported with this model."
            error = {"message": message, "type": "invalid_request_error", "param": refused[0], "code": "unsupported_parameter"}
            await exchange.reply(400, {"error": error})
        elif armed.failure == "html":
            await exchange.reply(200, HTML)
        elif armed.failure in REFUSALS:
            status, code, message = REFUSALS[armed.failure]
            wait = {} if armed.retry_after_s is None else {"retry-after": str(armed.retry_after_s)}
            await exchange.reply(status, {"error": {"message": message, "type": code, "param": None, "code": code}}, wait)
        elif seen.endpoint == "embeddings":
            await self._embed(seen, exchange, armed)
        elif seen.endpoint == "chat":
            await self._chat(seen, exchange, armed)
        else:
            await exchange.reply(200, {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model"}]})

    async def _embed(self, seen: Seen, exchange: Exchange, armed: Armed) -> None:
        length = int(seen.body.get("dimensions") or self.dimensions) - (armed.failure == "wrong_length")
        vectors = [bag_of_words(text, length) for text in seen.inputs]
        if armed.failure == "nan":
            vectors[-1][0] = math.nan
        if armed.failure == "too_many":
            vectors.append(vectors[-1])
        base64 = seen.body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": n, "embedding": as_base64(vector) if base64 else vector}
            for n, vector in enumerate(vectors)
        ]
        if armed.failure == "out_of_order":
            data.reverse()
        tokens = sum(len(text.split()) for text in seen.inputs)
        usage = {} if armed.failure == "no_usage" else {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
        await exchange.reply(200, {"object": "list", "model": seen.body.get("model"), "data": data, **usage})

    async def _chat(self, seen: Seen, exchange: Exchange, armed: Armed) -> None:
        deltas, finish = self._scripts.popleft() if self._scripts else (quote_passages(seen.body["messages"]), "stop")
        if armed.failure == "content_filter":
            deltas, finish = deltas[: armed.after], "content_filter"
        usage = count_tokens(seen.body["messages"], deltas)
        if not seen.body.get("stream"):
            await exchange.reply(200, completion("".join(deltas), finish, usage))
            return
        await exchange.open_stream()
        wants_usage = (seen.body.get("stream_options") or {}).get("include_usage") and armed.failure != "no_usage"
        if await say(deltas, finish, exchange, armed, self.pace_s):
            if wants_usage:
                await exchange.send(event({"choices": [], "usage": usage}))
            await exchange.send(b"data: [DONE]\n\n")
            await exchange.end_stream()


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    """A fresh OpenAI stand-in on a free port."""
    async with StandIn() as server:
        yield server


async def _main() -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server that fails on demand.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dimensions", type=int, default=64)
    options = parser.parse_args()
    async with StandIn(options.port, options.dimensions) as server:
        print(server.base_url, flush=True)  # noqa: T201  whoever started this process reads the address here
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())

"""Readers who leave, and a server that is told to."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from typing import NamedTuple

import httpx

from server.http.draining import CLOSE_S, FINISH_S
from tests.figures.measuring.harness import (
    QUESTIONS,
    Measured,
    Server,
    Trial,
    answering_with,
    make_book,
    percentile,
    question_body,
    serve,
    settle,
)
from tests.figures.measuring.readers import Heard, connected, hear, read_tokens
from tests.support.live_server import request_bytes
from tests.support.loopback_http import Exchange
from tests.support.openai.stand_in import Seen, StandIn

WORDS = [f"word{n} " for n in range(1000)]
MOMENTS = ("before the body", "at once", "at a token", "on HTTP/2")


class _Plan(NamedTuple):
    """When one reader comes and leaves."""

    who: str
    moment: str
    tokens: int
    start_s: float


class TimedStandIn(StandIn):
    """Notes when each answer came to its end, however it did."""

    def __init__(self) -> None:
        super().__init__()
        self.ended_at: dict[str, float] = {}
        """By what the reader asked, on the monotonic clock."""

    async def _answer(self, seen: Seen, exchange: Exchange) -> None:
        try:
            await super()._answer(seen, exchange)
        finally:
            self.ended_at[_asker(str(seen.body))] = time.monotonic()


def _asker(text: str) -> str:
    return text.rpartition("reader-")[2].partition("?")[0]


async def readers_leave(trial: Trial) -> Measured:
    """Time from a reader's leave to the end of the upstream answer, beside readers who leave the upstream itself."""
    await make_book(trial)
    readers, randomness = trial.pick(200, 16), trial.random
    async with (
        TimedStandIn() as upstream,
        serve(trial.folder, **answering_with(upstream)) as server,
    ):
        upstream.pace_s = 0.02
        for _ in range(2 * readers):
            upstream.say(WORDS)
        left = dict[str, float]()
        spread_s = trial.pick(20, 2)
        plans = [
            _Plan(str(n), MOMENTS[n % 4], randomness.randint(3, 40), spread_s * randomness.random()) for n in range(readers)
        ]
        controls = [
            _leave_upstream(upstream, left, f"c{n}", n * spread_s / 50, randomness.randint(3, 40)) for n in range(readers // 4)
        ]
        await asyncio.gather(*(_leave(server, left, plan) for plan in plans), *controls)
        closed = await settle(lambda: all(seen.ended.is_set() for seen in upstream.seen), 20)
        await asyncio.sleep(0.2)
        held = await server.open_streams()
        took = {who: 1000 * (upstream.ended_at[who] - at) for who, at in left.items() if who in upstream.ended_at}
        ours = [ms for who, ms in took.items() if not who.startswith("c")]
        control = [ms for who, ms in took.items() if who.startswith("c")]
        p99, unclosed = percentile(ours, 0.99), sum(not seen.ended.is_set() for seen in upstream.seen)
        text = (
            f"p50 {percentile(ours, 0.5):.0f} ms, p99 {p99:.0f} ms (control, leaving the upstream itself: "
            f"p50 {percentile(control, 0.5):.0f}, p99 {percentile(control, 0.99):.0f}); {len(ours)} answers begun upstream, "
            f"{unclosed} left open, {held} streams held"
        )
        late = sum(ms > 300 for ms in ours)
        return Measured(text, readers, unclosed + held + late + (not closed))


async def _leave(server: Server, left: dict[str, float], plan: _Plan) -> None:
    await asyncio.sleep(plan.start_s)
    body = question_body(f"{random.Random(plan.who).choice(QUESTIONS)} says reader-{plan.who}?")
    if plan.moment == "on HTTP/2":
        await _leave_stream(server, left, plan, body)
        return
    async with connected(server.port) as (reader, writer):
        data = request_bytes(body)
        writer.write(data[: -len(body) // 2] if plan.moment == "before the body" else data)
        await writer.drain()
        if plan.moment == "at a token":
            await read_tokens(reader, plan.tokens)
        elif plan.moment == "before the body":
            await asyncio.sleep(0.05)
        left[plan.who] = time.monotonic()


async def _leave_stream(server: Server, left: dict[str, float], plan: _Plan, body: bytes) -> None:
    """On HTTP/2 a reader leaves by resetting the stream; the connection stays."""
    headers, seen = {"Content-Type": "application/json"}, 0
    async with (
        httpx.AsyncClient(http1=False, http2=True, base_url=server.client.base_url, timeout=None) as client,
        client.stream("POST", "/chat", content=body, headers=headers) as answer,
    ):
        async for piece in answer.aiter_bytes():
            seen += piece.count(b"data: ")
            if seen >= plan.tokens:
                break
        left[plan.who] = time.monotonic()


async def _leave_upstream(upstream: StandIn, left: dict[str, float], who: str, start_s: float, tokens: int) -> None:
    await asyncio.sleep(start_s)
    port = int(upstream.base_url.rpartition(":")[2].partition("/")[0])
    body = b'{"stream": true, "messages": [{"role": "user", "content": "reader-%s?"}]}' % who.encode()
    async with connected(port) as (reader, writer):
        writer.write(request_bytes(body, path="/v1/chat/completions"))
        await read_tokens(reader, tokens)
        left[who] = time.monotonic()


async def told_to_stop(trial: Trial) -> Measured:
    """SIGTERM in the middle of open streams: how each ends, and when the process does."""
    await make_book(trial)
    readers = trial.pick(50, 12)
    grace_s = FINISH_S + CLOSE_S
    async with (
        StandIn() as upstream,
        serve(trial.folder, **answering_with(upstream)) as server,
    ):
        upstream.pace_s = 0.05
        for n in range(readers):
            upstream.say(WORDS[:40] if n % 5 == 0 else WORDS)
        asking = [
            asyncio.create_task(hear(server.port, question_body(f"{QUESTIONS[n % 8]} says reader-{n}?")))
            for n in range(readers)
        ]
        await settle(lambda: len(upstream.seen) == readers, 60)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = await server.process.wait()
        took_s = time.monotonic() - began
        heard: list[Heard] = await asyncio.gather(*asking)
    whole = [one for one in heard if one.is_whole]
    ended_alone = sum(one.error is None for one in whole)
    errors = {one.error for one in whole if one.error}
    text = (
        f"{ended_alone} ended on their own, {len(whole) - ended_alone} with {', '.join(sorted(errors))} and `done`; "
        f"exit code {code} after {took_s:.1f} s (grace {grace_s:.0f} s)"
    )
    return Measured(text, readers, readers - len(whole) + (code != 0) + (took_s > grace_s + 2))

"""Callers who want the server to stop: slow ones, endless ones, disguised ones, and those who begin and never mean it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import h2.exceptions
from h2.connection import H2Connection

from tests.figures.measuring.harness import (
    QUESTIONS,
    Measured,
    Server,
    Trial,
    latencies,
    make_book,
    percentile,
    question_body,
    settle,
)
from tests.figures.measuring.readers import connected, hear
from tests.figures.open_streams import beside_an_idle_one

CHUNK = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
GIGABYTE = 1 << 30
FLAT_MB = 25.0
"""What ten thousand readers of one minute may take together, each with a window of their own."""


async def abuse(trial: Trial) -> Measured:
    """One kind after another against a server in production; /health all the while, beside an idle server's."""
    await make_book(trial)
    kinds: dict[str, Callable[[Server, Trial], Awaitable[tuple[str, int]]]] = {
        "slowloris": _slowloris, "endless body": _endless_body, "disguised": _disguised, "botnet": _botnet,
        "preflights": _preflights, "rapid reset": _rapid_reset,
    }  # fmt: skip
    parts, failed, tried = list[str](), 0, 0
    settings = {"ENVIRONMENT": "production", "TRUSTED_HOPS": 1, "REQUESTS_PER_MINUTE": 30}
    async with beside_an_idle_one(trial, **settings) as (server, idle):
        for each in (server, idle):
            await asyncio.gather(*(hear(each.port, question_body(question)) for question in QUESTIONS))
        for name, attack in kinds.items():
            before_mb, before_cpu = server.memory_mb(), server.cpu_s()
            async with _watched_health(server, idle) as (ours, control):
                told, wrong = await attack(server, trial)
            tried += 1
            slowest = max(ours)
            failed += wrong + (not trial.is_short and slowest >= 1_000) + (slowest == float("inf"))
            parts.append(
                f"{name}: {told}; /health p50 {percentile(ours, 0.5):.0f}, longest {slowest:.0f} ms (idle: "
                f"{percentile(control, 0.5):.0f}, {max(control):.0f}), {server.memory_mb() - before_mb:+.1f} MB, "
                f"{server.cpu_s() - before_cpu:.1f} s of CPU"
            )
        tracebacks = server.tracebacks()
    return Measured(". ".join([*parts, f"{tracebacks} tracebacks"]), tried, failed + tracebacks)


@asynccontextmanager
async def _watched_health(server: Server, idle: Server) -> AsyncGenerator[tuple[list[float], list[float]]]:
    """Milliseconds of /health of each while the block runs; they are there after it."""
    stop, ours, control = asyncio.Event(), list[float](), list[float]()
    watching = [asyncio.create_task(latencies(each, "/health", 0.1, stop)) for each in (server, idle)]
    try:
        yield ours, control
    finally:
        await asyncio.sleep(0.3)
        stop.set()
        taken = await asyncio.gather(*watching)
        ours += taken[0]
        control += taken[1]


async def _slowloris(server: Server, trial: Trial) -> tuple[str, int]:
    """200 connections that send a byte of a header now and then; somebody else asks meanwhile."""
    connections = trial.pick(200, 20)

    async def drip() -> None:
        async with connected(server.port) as (_, writer):
            writer.write(b"POST /chat HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            for _ in range(trial.pick(40, 3)):
                await asyncio.sleep(0.5)
                writer.write(b"a")

    dripping = [asyncio.create_task(drip()) for _ in range(connections)]
    await asyncio.sleep(1)
    heard = await hear(server.port, question_body(QUESTIONS[0]), "X-Forwarded-For: 3.3.3.3")
    await asyncio.gather(*dripping, return_exceptions=True)
    return (
        f"{connections} connections, a question beside them {'answered' if heard.is_whole else 'not answered'}",
        not heard.is_whole,
    )


async def _endless_body(server: Server, trial: Trial) -> tuple[str, int]:
    """A body in chunks that goes on for a gigabyte, or until it is refused."""
    sent, status, wanted = 0, b"", trial.pick(GIGABYTE, GIGABYTE // 16)
    async with connected(server.port) as (reader, writer):
        writer.write(b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(reader.readline())
        with suppress(ConnectionError):
            while sent < wanted:
                writer.write(CHUNK)
                await writer.drain()
                sent += 65_536
        with suppress(ConnectionError):
            async with asyncio.timeout(30):
                status = await answer
    refused = status.split()[1:2] in ([b"413"], [])
    return f"refused ({status[9:12].decode() or 'closed'}) after {sent / 1e6:.1f} MB", (not refused) + (sent >= wanted)


async def _disguised(server: Server, trial: Trial) -> tuple[str, int]:
    """10,000 searches of one caller, each claiming another address to the left of what the proxy saw."""
    return await _search(server, trial.pick(10_000, 400), lambda n: f"{n % 256}.{n // 256 % 256}.1.1, 9.9.9.9", most=300)


async def _botnet(server: Server, trial: Trial) -> tuple[str, int]:
    """10,000 callers from as many addresses: the limit of all together holds, and what is kept of them is small."""
    before_mb = server.memory_mb()
    told, wrong = await _search(
        server, trial.pick(10_000, 400), lambda n: f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}", most=12_000
    )
    return told, wrong + (server.memory_mb() - before_mb > FLAT_MB)


async def _search(server: Server, count: int, claim: Callable[[int], str], most: int) -> tuple[str, int]:
    statuses = Counter[int]()

    async def ask(lane: int) -> None:
        for n in range(lane, count, 8):
            answer = await server.client.get("/search?q=zyzzyva", headers={"X-Forwarded-For": claim(n)})
            statuses[answer.status_code] += 1

    began = time.monotonic()
    await asyncio.gather(*map(ask, range(8)))
    minutes = 1 + (time.monotonic() - began) / 60  # a sliding window lets so many through again
    told = ", ".join(f"{n:,} x {status}" for status, n in sorted(statuses.items()))
    return f"{count:,} searches: {told}", (statuses[200] > most * minutes) + len(statuses.keys() - {200, 429, 503})


async def _preflights(server: Server, trial: Trial) -> tuple[str, int]:
    """5,000 preflights as fast as they go, of a site that is allowed and of one that is not."""
    count, statuses = trial.pick(5_000, 200), Counter[int]()

    async def ask(lane: int) -> None:
        for n in range(lane, count, 8):
            origin = "https://mrowaisabdullah.github.io" if n % 2 else f"https://{n}.example"
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x" * 500}
            statuses[(await server.client.options("/chat", headers=headers)).status_code] += 1

    await asyncio.gather(*map(ask, range(8)))
    return f"{count:,}", len([status for status in statuses if status >= 500])


async def _rapid_reset(server: Server, trial: Trial) -> tuple[str, int]:
    """CVE-2023-44487: streams that are reset in the write that begins them, on 10 connections."""
    streams = trial.pick(2_000, 50)

    async def attack() -> int:
        connection, begun = H2Connection(), 0
        connection.initiate_connection()
        async with connected(server.port) as (reader, writer):
            for number in itertools.islice(itertools.count(1, 2), streams):
                try:
                    pseudo = [(":method", "POST"), (":path", "/chat"), (":scheme", "http"), (":authority", "localhost")]
                    connection.send_headers(number, [*pseudo, ("content-type", "application/json")])
                    connection.send_data(number, question_body(f"{QUESTIONS[0]} {number}"), end_stream=True)
                    connection.reset_stream(number)
                    writer.write(connection.data_to_send())
                    await writer.drain()
                except (ConnectionError, h2.exceptions.ProtocolError):
                    break
                begun += 1
                if not number % 100:
                    connection.receive_data(await reader.read(1 << 16))
        return begun

    begun = sum(await asyncio.gather(*(attack() for _ in range(10))))

    async def no_streams() -> bool:
        return await server.open_streams() == 0

    all_let_go = await settle(no_streams, 60)
    return f"{begun:,} streams reset, {'none' if all_let_go else 'some'} left open", not all_let_go

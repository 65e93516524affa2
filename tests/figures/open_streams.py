"""Many streams at once, and readers who never read theirs."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from statistics import median

from h2.connection import H2Connection
from h2.settings import SettingCodes

from server.answering.pacing import Timing
from server.models.chat_model import ANSWER_TOKENS
from tests.figures.measuring.harness import (
    QUESTIONS,
    Measured,
    Server,
    Trial,
    answering_with,
    latencies,
    make_book,
    percentile,
    question_body,
    serve,
    settle,
)  # fmt: skip
from tests.figures.measuring.readers import Heard, hear
from tests.support.live_server import request_bytes
from tests.support.openai.stand_in import StandIn

LONG_ANSWER = [f"word{n} " for n in range(ANSWER_TOKENS)]
"""As long as the model is asked for."""
GROWTH_MB = 15.0
"""That what is kept of the last hundred answers explains: 96 KB of each, so that a broken stream is taken up again."""


@asynccontextmanager
async def beside_an_idle_one(trial: Trial, **settings: object) -> AsyncGenerator[tuple[Server, Server]]:
    """A server, and one with nothing to do, over the same book."""
    async with serve(trial.folder, **settings) as server, serve(trial.folder, "idle", **settings) as idle:
        yield server, idle


async def open_for_minutes(trial: Trial) -> Measured:
    """200 streams at a token a second, a new one for each that ends, and /health beside an idle server's.

    Each reader begins at a moment of their own. Base is when they all have read a short answer at once, and gone.
    """
    await make_book(trial)
    streams, lasting_s = trial.pick(200, 20), trial.pick(300, 3)
    async with StandIn() as upstream, beside_an_idle_one(trial, **answering_with(upstream)) as (server, idle):
        cold_mb = server.memory_mb()
        await asyncio.gather(*(hear(server.port, question_body(f"{QUESTIONS[n % 8]} asks {n}?")) for n in range(streams)))
        await hear(idle.port, question_body(QUESTIONS[0]))
        upstream.pace_s = 0.2 if trial.is_short else 1.0
        base_mb, base_files, base_cpu = server.memory_mb(), server.open_files(), server.cpu_s()
        stop, reading = asyncio.Event(), _Reading(server, upstream, trial)
        lanes = [asyncio.create_task(reading.one_after_another(lane / streams)) for lane in range(streams)]
        await asyncio.sleep(reading.arriving_s)
        watching = [asyncio.create_task(latencies(each, "/health", 0.1, stop)) for each in (server, idle)]
        await asyncio.sleep(lasting_s / 2)
        open_at_half, open_mb = await server.open_streams(), server.memory_mb()
        await asyncio.sleep(lasting_s / 2)
        stop.set()
        ours, control = await asyncio.gather(*watching)
        heard = [one for each in await asyncio.gather(*lanes) for one in each]
        cpu_s = server.cpu_s() - base_cpu
        await settle(lambda: server.open_files() <= base_files + 2, 30)
        after_mb, after_files = server.memory_mb(), server.open_files()
    drops = Counter(one.error or f"status {one.status}" for one in heard if not one.is_whole or one.error)
    p99 = percentile(ours, 0.99)
    kinds = f" ({dict(drops)})" if drops else ""
    control_p50, control_p99 = percentile(control, 0.5), percentile(control, 0.99)
    parts = (
        f"{drops.total()} drops in {len(heard)} streams{kinds}, {open_at_half} open at half-time",
        f"memory {cold_mb:.0f} MB at first, {base_mb:.0f} before, {open_mb:.0f} with them, {after_mb:.0f} after",
        f"descriptors {base_files} and {after_files}",
        f"/health p50 {percentile(ours, 0.5):.0f} and p99 {p99:.0f} ms",
        f"control, an idle server: {control_p50:.0f} and {control_p99:.0f} ms",
        f"{cpu_s:.1f} s of CPU in {lasting_s + reading.arriving_s:.0f} s",
    )
    bad = (after_files > base_files + 2) + (after_mb > base_mb + GROWTH_MB)
    late = not trial.is_short and (p99 >= 100) + (open_at_half < 0.97 * streams)
    return Measured("; ".join(parts), len(heard), drops.total() + bad + late)


class _Reading:
    """Readers who each read one answer after another for as long as it is measured."""

    def __init__(self, server: Server, upstream: StandIn, trial: Trial) -> None:
        self._server, self._upstream = server, upstream
        self.arriving_s, self._each_s = trial.pick(60, 1), trial.pick(60, 1)
        self._until = time.monotonic() + self.arriving_s + trial.pick(300, 3)
        self._numbers = itertools.count()

    async def one_after_another(self, moment: float) -> list[Heard]:
        await asyncio.sleep(moment * self.arriving_s)
        heard = list[Heard]()
        while time.monotonic() < self._until:
            n = next(self._numbers)
            self._upstream.say([f"word{i} " for i in range(int(self._each_s / self._upstream.pace_s))])
            heard.append(await hear(self._server.port, question_body(f"{QUESTIONS[n % 8]} asks again {n}?")))
        return heard


async def never_reading(trial: Trial) -> Measured:
    """50 readers who never read a long answer, half on HTTP/2 with a closed window, and 20 who do, twice."""
    await make_book(trial)
    stuck, normal, rounds = trial.pick(50, 4), trial.pick(20, 5), trial.pick(12, 2)
    timing = Timing()
    limit_s = timing.deadline_s + timing.slow_reader_s
    async with StandIn() as upstream, beside_an_idle_one(trial, **answering_with(upstream)) as (server, idle):
        for each in (server, idle):
            await asyncio.gather(*(hear(each.port, question_body(f"{QUESTIONS[n % 8]} asks {n}?")) for n in range(4 * normal)))
        base_mb = server.memory_mb()
        sockets = list[socket.socket]()
        for n in range(stuck):
            upstream.say(LONG_ANSWER)
            sockets.append(await _ask_and_never_read(server.port, n))
        began = time.monotonic()
        await settle(lambda: len(upstream.seen) >= stuck + 16, 60)
        await _until_stuck(server)
        took: dict[Server, list[list[float]]] = {server: [], idle: []}
        cpu_s = {each: each.cpu_s() for each in (server, idle)}
        for turn in range(rounds):
            for each in (server, idle) if turn % 2 else (idle, server):
                heard = await asyncio.gather(
                    *(hear(each.port, question_body(f"{QUESTIONS[n % 8]} asks {turn}-{n}?")) for n in range(normal))
                )
                took[each].append([one.seconds if one.is_whole else float("inf") for one in heard])
        cpu_s = {each: each.cpu_s() - before for each, before in cpu_s.items()}
        most_mb = server.memory_mb()
        still = await server.open_streams()

        async def no_streams() -> bool:
            return await server.open_streams() == 0

        if trial.is_short:
            evicted_s = 0.0
        else:
            await settle(no_streams, limit_s + 20 - (time.monotonic() - began))
            evicted_s = time.monotonic() - began
        left = 0 if trial.is_short else await server.open_streams()
        for each in sockets:
            each.close()
    p95s = {each: [percentile(one, 0.95) for one in rounds_of] for each, rounds_of in took.items()}
    ratio = median(ours / control for ours, control in zip(p95s[server], p95s[idle], strict=True))
    with_them, alone = (1000 * median(p95s[each]) for each in (server, idle))
    parts = (
        f"normal p95 {with_them:.0f} ms (control, an idle server: {alone:.0f}), ratio {ratio:.2f}, medians of {rounds} rounds",
        f"CPU of their answers {cpu_s[server]:.1f} s (control: {cpu_s[idle]:.1f})",
        f"{still} of {stuck} held back meanwhile, the others' answers fit into the kernel",
        f"{left} left after {evicted_s:.0f} s, deadline {limit_s:.0f} s",
        f"memory {most_mb - base_mb:+.1f} MB",
    )
    slow = not trial.is_short and ratio > 1.2
    failed = sum(seconds == float("inf") for one in took[server] for seconds in one)
    return Measured("; ".join(parts), stuck + rounds * normal, failed + left + (most_mb - base_mb >= 30) + slow)


async def _ask_and_never_read(port: int, n: int) -> socket.socket:
    """On HTTP/1.1 with the smallest buffer, or on HTTP/2 with a window that takes nothing."""
    each = socket.socket()
    each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    each.setblocking(False)
    body = question_body(f"{QUESTIONS[n % 8]} never read {n}?")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(each, ("127.0.0.1", port))
    await loop.sock_sendall(each, _with_closed_window(body) if n % 2 else request_bytes(body))
    return each


def _with_closed_window(body: bytes) -> bytes:
    asking = H2Connection()
    asking.initiate_connection()
    asking.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    pseudo = [(":method", "POST"), (":path", "/chat"), (":scheme", "http"), (":authority", "localhost")]
    asking.send_headers(1, [*pseudo, ("content-type", "application/json")])
    asking.send_data(1, body, end_stream=True)
    return asking.data_to_send()


async def _until_stuck(server: Server) -> None:
    """Return once the server has nothing left to do for them: it waits for their readers."""
    for _ in range(120):
        before = server.cpu_s()
        await asyncio.sleep(0.5)
        if server.cpu_s() - before < 0.05:
            return

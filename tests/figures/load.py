"""Questions all the while: during an ingest, and for thousands of answers."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import httpx

from tests.conftest import REPOSITORY
from tests.figures.measuring.harness import (
    NOWHERE,
    QUESTIONS,
    Held,
    Measured,
    Server,
    Trial,
    make_book,
    percentile,
    question_body,
    serve,
    settle,
)  # fmt: skip
from tests.figures.measuring.readers import Heard, hear
from tests.figures.open_streams import beside_an_idle_one

CHATS_A_SECOND = 20
BETWEEN_INGESTS_S = 15.0
MOST_CHATS_S = 1_200.0
"""On a busy machine there are fewer of them."""
FLAT_MB = 3.0
"""Growth between the first thousand chats and the last that is no leak."""


async def during_an_ingest(trial: Trial) -> Measured:
    """20 chats a second while the whole book is read anew by a process beside the server, again and again for a minute."""
    settings = await make_book(trial)
    lasting_s = trial.pick(60, 3)
    async with beside_an_idle_one(trial, ANSWER_CACHE_HOURS=0) as (server, idle):
        for each in (server, idle):
            await asyncio.gather(*(hear(each.port, question_body(question)) for question in QUESTIONS))
        before = await _ask_at_a_rate(server, lasting_s / 3)
        alone = await server.held()
        await idle.held()
        stop, began_cpu_s = asyncio.Event(), server.cpu_s()
        ingesting = asyncio.create_task(_ingest_until(settings.data_dir, settings.book_source, stop))
        heard = await _ask_at_a_rate(server, lasting_s)
        ours, control, cpu_s = await server.held(), await idle.held(), server.cpu_s() - began_cpu_s
        stop.set()
        builds, codes = await ingesting
    failed, failed_before = (sum(not one.is_whole or one.error is not None for one in each) for each in (heard, before))
    parts = (
        f"{failed} of {len(heard)} failed during {builds} full ingests (before them: {failed_before} of {len(before)})",
        f"lag of the loop {_lag(ours)} (before: {_lag(alone)}; control, an idle server: {_lag(control)})",
        f"longest callback {ours.longest_cpu_ms:.0f} ms of CPU ({ours.longest}), {ours.over_50} over 50 ms",
        f"answer p95 {_p95(heard):.0f} ms (before: {_p95(before):.0f})",
        f"{cpu_s:.1f} s of CPU",
    )
    late = not trial.is_short and ours.lag_p99_ms >= 50
    return Measured("; ".join(parts), len(heard), failed + sum(code != 0 for code in codes) + late)


async def _ask_at_a_rate(server: Server, lasting_s: float) -> list[Heard]:
    began, asking = time.monotonic(), list[asyncio.Task[Heard]]()
    while (now := time.monotonic() - began) < lasting_s:
        n = len(asking)
        asking.append(asyncio.create_task(hear(server.port, question_body(f"{QUESTIONS[n % 8]} asks {n} at {began}?"))))
        await asyncio.sleep(max(0.0, (n + 1) / CHATS_A_SECOND - now))
    return await asyncio.gather(*asking)


def _p95(heard: Sequence[Heard]) -> float:
    return 1000 * percentile([one.seconds for one in heard], 0.95)


def _lag(held: Held) -> str:
    return f"p50 {held.lag_p50_ms:.1f} and p99 {held.lag_p99_ms:.0f} ms"


async def _ingest_until(data_dir: object, book: str, stop: asyncio.Event) -> tuple[int, list[int]]:
    environment = os.environ | {
        "BOOK_SOURCE": book, "DATA_DIR": str(data_dir), "EMBEDDING_MODEL": "none", "PREFECT_API_URL": NOWHERE,
    }  # fmt: skip
    codes = list[int]()
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "flows", "ingest", "--full", cwd=REPOSITORY, env=environment,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        codes.append(await process.wait())
        await settle(stop.is_set, BETWEEN_INGESTS_S)
    return len(codes), codes


async def thousands_of_chats(trial: Trial) -> Measured:
    """Chats one after another on four connections; memory after each thousand."""
    await make_book(replace(trial, is_short=True))
    wanted, step, chats = trial.pick(20_000, 40), trial.pick(1_000, 20), 0
    async with serve(trial.folder) as server:
        marks, failed, began_cpu, began = list[float](), 0, server.cpu_s(), time.monotonic()
        for first in range(0, wanted, step):
            if time.monotonic() - began > MOST_CHATS_S:
                break
            chats += step
            failed += sum(await asyncio.gather(*(_ask_some(server, first + lane, step // 4) for lane in range(4))))
            marks.append(server.memory_mb())
        cpu_s, files = server.cpu_s() - began_cpu, server.open_files()
    growth = marks[-1] - marks[0]
    text = (
        f"{failed} failed; memory {marks[0]:.1f} MB after the first {step:,}, {marks[1]:.1f} after the second, "
        f"{marks[len(marks) // 2]:.1f} at half, {marks[-1]:.1f} at the end ({growth:+.1f}); "
        f"{files} descriptors; {1000 * cpu_s / chats:.1f} ms of CPU a chat"
    )
    missed = f"Only {chats:,} of {wanted:,} in {MOST_CHATS_S:.0f} s" if chats < wanted else ""
    return Measured(text, chats, failed + (not trial.is_short and growth > FLAT_MB), missed)


async def _ask_some(server: Server, first: int, count: int) -> int:
    """How many failed."""
    failed = 0
    for n in range(count):
        number = first + 4 * n
        body = question_body(f"{QUESTIONS[number % 8]} asks {number}?", session_id=f"session-{number // 40}")
        try:
            answer = await server.client.post("/chat", content=body, headers={"Content-Type": "application/json"})
        except httpx.TransportError:
            failed += 1
            continue
        failed += answer.status_code != 200 or '"type":"error"' in answer.text or '"done":true' not in answer.text
    return failed

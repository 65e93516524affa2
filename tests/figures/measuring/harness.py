"""Real servers to measure, and what the kernel and their own event loop say of them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from flows.pipeline import ingest
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.book_folder import write_book
from tests.support.live_server import free_port, running, until
from tests.support.openai.stand_in import StandIn

NOWHERE = "http://127.0.0.1:1/api"
_TICK = os.sysconf("SC_CLK_TCK")
QUESTIONS = (
    "How is a page split into chunks?", "What does the daily budget stop?", "Why does an answer cite headings?",
    "Which sites may call the API?", "When is a book read again?", "How many answers may stream at once?",
    "How are tokens for a scope made?", "What keeps conversations?",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trial:
    """What a figure may use: a folder of its own, and whether it is to be over in seconds."""

    folder: Path
    is_short: bool
    scale: float = 1.0
    """Share of what is to be tried, for a machine that has too little time."""
    seed: int = 11

    def pick(self, full: int, short: int) -> int:
        """The number of things to try, or every how many-th of them where that is less than `short`."""
        if self.is_short or full < short:
            return short if self.is_short else full
        return max(short, round(self.scale * full))

    @property
    def random(self) -> random.Random:
        """The same every time."""
        return random.Random(self.seed)


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out."""

    text: str
    """The measured values, with their control."""
    n: int
    """Things tried."""
    failures: int
    """Of those, how many were not as they should be."""
    missed: str = ""
    """Why the target was missed; empty: it was met."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the event loop of a server says since it was asked last."""

    longest_cpu_ms: float
    """Most processor time that one callback took of the loop's thread."""
    longest: str
    """Which one it was: the coroutine of its task."""
    over_50: int
    """Callbacks of more than 50 ms of processor time."""
    lag_p50_ms: float
    lag_p99_ms: float
    """How late a callback due every 10 ms was, by the clock on the wall: what else the machine does counts too."""
    lags: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server process."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    port: int
    watch_port: int
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def memory_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def open_files(self) -> int:
        """File descriptors."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def cpu_s(self) -> float:
        """Processor time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    async def held(self) -> Held:
        """What its event loop says since this was asked last."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.watch_port)
        told = json.loads(await reader.read())
        writer.close()
        return Held(**told)

    async def open_streams(self) -> int:
        """Answers on their way, as /health says."""
        return int((await self.client.get("/health")).json()["open_streams"])

    def tracebacks(self) -> int:
        """How many there are in its log."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("Traceback (most recent call last)")


@asynccontextmanager
async def serve(folder: Path, name: str = "server", **settings: object) -> AsyncGenerator[Server]:
    """A server over `folder/data` in a process of its own, without embeddings and without a key unless told otherwise."""
    watch_port, port = free_port(), free_port()
    given = {"EMBEDDING_MODEL": "none", "PREFECT_API_URL": NOWHERE, "HISTORY_DAYS": 1} | settings
    named = {key: str(value) for key, value in given.items()} | {"PORT": str(port), "WATCH_PORT": str(watch_port)}
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        async with running(folder, module="tests.figures.measuring.watched", errors=errors, **named) as (process, client):
            yield Server(process, client, port, watch_port, log)


async def make_book(trial: Trial, **settings: Any) -> Settings:
    """A book read into `data` of the trial's folder: Lectern's own documentation, or a few pages of it."""
    paths = sorted((REPOSITORY / "docs").glob("*.md"))[: trial.pick(100, 6)]
    pages = {path.name: path.read_text(encoding="utf-8") for path in paths}
    given = {"embedding_model": "none"} | settings
    read = Settings(book_source=str(write_book(trial.folder / "book", pages)), data_dir=trial.folder / "data", **given)
    await ingest(read)
    return read


def answering_with(upstream: StandIn) -> dict[str, object]:
    """Settings of a server whose every answer is written by the stand-in."""
    return {
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": upstream.base_url,
        "MAX_STREAMS": 500,
        "ANSWER_CACHE_HOURS": 0,
        "ANSWER_SUPPORT": 0,
        "DAILY_BUDGET_USD": 0,
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def latencies(server: Server, path: str, every_s: float, stop: asyncio.Event) -> list[float]:
    """Milliseconds of a `GET` now and then until `stop`; infinite where it failed."""
    taken = list[float]()
    while not stop.is_set():
        began = time.perf_counter()
        try:
            good = (await server.client.get(path)).is_success
        except httpx.HTTPError:
            good = False
        taken.append(1000 * (time.perf_counter() - began) if good else float("inf"))
        await asyncio.sleep(every_s)
    return taken


def question_body(question: str, **fields: object) -> bytes:
    """The body of a question whose answer is streamed."""
    return json.dumps({"question": question, "stream": True} | fields).encode()


async def settle(is_so: Callable[[], bool | Awaitable[bool]], limit_s: float = 10.0) -> bool:
    """Whether `is_so()` becomes true within the limit."""
    try:
        async with asyncio.timeout(limit_s):
            await until(is_so)
    except TimeoutError:
        return False
    return True

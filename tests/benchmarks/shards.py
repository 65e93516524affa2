"""`python -m tests.benchmarks.shards`: a large book read by one run and, in shards, by more and more workers of this machine.

Everything is as in production: a Prefect server on Postgres, workers, a process for each run, the embedded index. The API of
embeddings is a stand-in that takes `--latency` seconds for a request, which with most providers is what there is to wait for.
Each round begins with an empty DATA_DIR. Processor time is of all processes of its kind, of Postgres with the server's.

`coordination` is the wall time in which the waiting run only waits for processes to start and takes what they handed over: from
its start to that of the first shard, and from the end of the last one to the plan.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from array import array
from contextlib import ExitStack
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.synthetic_book import synthetic_pages
from tests.support.databases.postgres import Postgres
from tests.support.loopback_http import Exchange, LoopbackServer, Received
from tests.support.openai.vectors import as_base64
from tests.support.prefect_stage import Runs, Stage, stop
from tests.support.processes import tree

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY_S = 1.0


class Vectors(LoopbackServer):
    """An embeddings API that is slow and cheap: a vector is made of its text's hash."""

    def __init__(self, latency_s: float, dimensions: int) -> None:
        super().__init__(self._embed, 0)
        self.requests = self.texts = 0
        self._latency_s = latency_s
        self._dimensions = dimensions

    async def _embed(self, request: Received, exchange: Exchange) -> None:
        if request.path == "/count":
            await exchange.reply(200, [self.requests, self.texts])
            return
        texts: list[str] = request.json()["input"]
        self.requests, self.texts = self.requests + 1, self.texts + len(texts)
        await asyncio.sleep(self._latency_s)
        data = [{"object": "embedding", "index": n, "embedding": as_base64(self._vector(text))} for n, text in enumerate(texts)]
        await exchange.reply(
            200, {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        )

    def _vector(self, text: str) -> array[float]:
        numbers = array("I", hashlib.shake_128(text.encode()).digest(4 * self._dimensions))
        return array("f", (number / 2**31 - 1 for number in numbers))


def _serve_vectors(connection: Connection, latency_s: float, dimensions: int) -> None:
    async def serve() -> None:
        server = Vectors(latency_s, dimensions)
        await server.start()
        connection.send(server.port)
        await asyncio.Event().wait()

    asyncio.run(serve())


class Watch(threading.Thread):
    """Samples the memory of the workers' processes, and of the one with the waiting run."""

    def __init__(self, workers: list[subprocess.Popen[bytes]]) -> None:
        super().__init__(daemon=True)
        self.run_id = ""
        self.all_mb = self.waiting_mb = 0.0
        self._workers = workers
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            pids = [pid for worker in self._workers for pid in tree(worker.pid)]
            self.all_mb = max(self.all_mb, sum(map(_pss_mb, pids)))
            mine = [pid for pid in pids if self.run_id and _is_of(pid, self.run_id)]
            self.waiting_mb = max([self.waiting_mb, *map(_pss_mb, mine)])

    def stop(self) -> None:
        self._over.set()
        self.join()


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)


def _is_of(pid: int, run_id: str) -> bool:
    try:
        return f"PREFECT__FLOW_RUN_ID={run_id}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def _cpu_s(*roots: int) -> float:
    """Processor time of these processes and all they started, those that have ended and were waited for too."""
    total = 0.0
    for pid in {each for root in roots for each in tree(root)}:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / TICKS
    return total


class _Times(NamedTuple):
    whole_s: float
    reading_s: float
    coordination_s: float
    publishing_s: float


class _Cpu(NamedTuple):
    workers_s: float
    prefect_s: float


class _Memory(NamedTuple):
    all_mb: float
    waiting_mb: float


class Round(NamedTuple):
    """What one ingest took."""

    workers: int
    shards: int
    times: _Times
    cpu: _Cpu
    memory: _Memory
    requests: int
    texts: int
    chunks: int
    database_kb: float
    """What Prefect's Postgres has grown by."""

    def __str__(self) -> str:
        whole_s, reading_s, coordination_s, publishing_s = self.times
        return (
            f"| {self.workers} | {self.shards} | {whole_s:.0f} | {reading_s:.0f} | {coordination_s:.0f}"
            f" ({coordination_s / whole_s:.0%}) | {publishing_s:.0f} | {self.cpu.workers_s:.0f} | {self.cpu.prefect_s:.0f}"
            f" | {self.memory.all_mb:.0f} | {self.memory.waiting_mb:.0f} | {self.requests:,} | {self.texts:,}"
            f" | {self.chunks:,} | {self.database_kb:,.0f} |"
        )


HEAD = (
    "| workers | shards | wall s | read and embed s | coordination s | plan and publish s | CPU s of workers | of Prefect |"
    " MB of all workers | of the waiting run | requests | texts | chunks | kB in Postgres |\n" + "|--:" * 14 + "|"
)


async def measure(folder: Path, book: Path, workers: int, given: argparse.Namespace) -> Round:
    """One ingest of the book from nothing."""
    with ExitStack() as stack:
        ours, theirs = multiprocessing.Pipe()
        api = multiprocessing.Process(target=_serve_vectors, args=(theirs, given.latency, given.dimensions), daemon=True)
        api.start()
        stack.callback(api.terminate)
        url = f"http://127.0.0.1:{ours.recv()}"
        database = stack.enter_context(Postgres())
        stage = Stage(folder, database.address(scheme="postgresql+asyncpg"))
        stage.start_server()
        assert stage.server is not None
        stack.callback(stop, stage.server)
        settings = {
            "BOOK_SOURCE": str(book), "DATA_DIR": str(folder / "data"), "INGEST_SHARDS": str(given.shards if workers else 1),
            "EMBEDDING_BASE_URL": f"{url}/v1", "EMBEDDING_API_KEY": "key", "EMBEDDING_MODEL": "m",
            "EMBEDDING_DIMENSIONS": str(given.dimensions),
        }  # fmt: skip
        started = [stage.start_worker(settings) for _ in range(max(workers, 1))]
        for worker in started:
            stack.callback(stop, worker, signal.SIGKILL)
        watch = Watch(started)
        watch.start()
        stack.callback(watch.stop)
        servers = [stage.server.pid, database.pid]
        async with httpx.AsyncClient(base_url=stage.api_url, headers=stage.headers, timeout=None, trust_env=False) as client:
            runs = Runs(client)
            run = watch.run_id = await runs.start()
            before_kb = await _size_kb(database)
            before = _cpu_s(*(worker.pid for worker in started)), _cpu_s(*servers)
            state = await runs.wait(run)
            if state["type"] != "COMPLETED":
                raise RuntimeError(f"{state}\n{stage.log()}")
            after = _cpu_s(*(worker.pid for worker in started)), _cpu_s(*servers)
            requests, texts = (await client.get(f"{url}/count")).json()
            times = await _times(client, run)
            grown_kb = await _size_kb(database) - before_kb
        cpu = _Cpu(after[0] - before[0], after[1] - before[1])
        memory = _Memory(watch.all_mb, watch.waiting_mb)
        return Round(workers, given.shards if workers else 1, times, cpu, memory, requests, texts, _chunks(state), grown_kb)


async def _times(client: httpx.AsyncClient, run_id: str) -> _Times:
    """Of a run that has ended: all of it, reading and embedding, coordination, planning and publishing."""
    own = (await client.get(f"/flow_runs/{run_id}")).json()
    found = await client.post("/flow_runs/filter", json={"flows": {"name": {"any_": ["ingest-shard"]}}})
    tasks = (await client.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [run_id]}}})).json()
    shards = found.json()
    begin, end = _at(own, "start_time"), _at(own, "end_time")
    plan, embed = (next(task for task in tasks if task["name"].startswith(name)) for name in ("compare", "vectors"))
    if not shards:
        embedding = _at(embed, "end_time") - _at(embed, "start_time")
        reading = _at(plan, "start_time") - begin + embedding
        return _Times(end - begin, reading, 0.0, end - begin - reading)
    first, last = min(_at(each, "start_time") for each in shards), max(_at(each, "end_time") for each in shards)
    planned = _at(plan, "start_time")
    return _Times(end - begin, last - first, (first - begin) + (planned - last), end - planned)


async def _size_kb(database: Postgres) -> float:
    engine = create_async_engine(database.address(scheme="postgresql+asyncpg"))
    async with engine.connect() as connection:
        size = (await connection.execute(text("SELECT pg_database_size('postgres')"))).scalar_one()
    await engine.dispose()
    return int(size) / 1024


def _at(run: dict[str, Any], what: str) -> float:
    return datetime.fromisoformat(run[what]).timestamp()


def _chunks(state: dict[str, Any]) -> int:
    return int(state["message"].partition(" chunks:")[0].rpartition("; ")[2])


def main(arguments: list[str]) -> None:
    """Measure each number of workers that is asked for; 0: one worker, no shards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2, 4])
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds of a request for vectors")
    parser.add_argument("--dimensions", type=int, default=384)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    _write(HEAD)
    for workers in given.workers:
        with tempfile.TemporaryDirectory() as scratch:
            book = Path(scratch, "book")
            for path, text in synthetic_pages(given.pages):
                (book / path).parent.mkdir(parents=True, exist_ok=True)
                (book / path).write_text(text, encoding="utf-8")
            _write(str(asyncio.run(measure(Path(scratch), book, workers, given))))


def _leave(*_: object) -> None:
    """Go, so that all that was started ends."""
    sys.exit(1)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])

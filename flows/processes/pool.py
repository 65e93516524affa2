"""Reading processes: so many as the book needs, each reading one page at a time, and none of them for too long."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from flows.processes.frames import encode_frame, receive_frame
from flows.processes.messages import ReadingRules, Ready
from flows.reading.page import Page, failed_page
from shared.errors import ServiceError
from shared.settings import HOME

WAIT_LIMIT_S = 60.0
"""Longest wait for a page, whose limit is in processor time (`ReadingRules.page_limit_s`): on a busy machine it gets little."""
START_LIMIT_S = 60.0
BYTES_PER_PROCESS = 2_000_000
"""Starting a process costs 0.7 s and 100 MB, about what it takes to read this much Markdown."""
MAX_PROCESSES = 4


def processes_for(book_bytes: int) -> int:
    """How many reading processes a book of this size is worth on this machine."""
    return max(1, min(book_bytes // BYTES_PER_PROCESS, os.cpu_count() or 1, MAX_PROCESSES))


@dataclass
class ReadingProcess:
    """One child; started when first used and again after it had to be ended."""

    rules: ReadingRules
    wait_limit_s: float
    exact_tokens: bool = True
    child: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> asyncio.subprocess.Process:
        """The running child, ready to read."""
        if self.child is None:
            self.child = await _start()
            self.exact_tokens = (await self._greet(self.child)).exact_tokens
        return self.child

    async def _greet(self, child: asyncio.subprocess.Process) -> Ready:
        try:
            answer = await asyncio.wait_for(_ask(child, self.rules.model_dump_json().encode()), START_LIMIT_S)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as exc:
            code = await self.end()
            raise ServiceError("disk", f"The reading process did not start (exit code {code}).", transient=False) from exc
        return Ready.model_validate_json(answer)

    async def read(self, path: str) -> Page:
        """The page at `path`; one that takes too long or ends the child is a problem."""
        child = await self.start()
        try:
            answer = await asyncio.wait_for(_ask(child, path.encode()), self.wait_limit_s)
        except TimeoutError:
            await self.end()
            return failed_page(path, f"was not read within {self.wait_limit_s:g} s")
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self.end()
            if code == -signal.SIGPROF:
                return failed_page(path, f"took over {self.rules.page_limit_s:g} s of processor time to read")
            return failed_page(path, f"ended the reading process (exit code {code})")
        return Page.model_validate_json(answer)

    async def end(self) -> int | None:
        """Kill the child, if it runs; its exit code."""
        child, self.child = self.child, None
        if child is None:
            return None
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)  # child.kill() polls first, and so takes the exit code from who waits for it
        return await child.wait()


async def _start() -> asyncio.subprocess.Process:
    """`flows.processes.page_worker`, found wherever this package was found."""
    path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flows.processes.page_worker",
        env=os.environ | {"PYTHONPATH": path},
        stdin=pipe,
        stdout=pipe,
    )


async def _ask(child: asyncio.subprocess.Process, message: bytes) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise ConnectionError("The reading process was started without pipes.")
    child.stdin.write(encode_frame(message))
    await child.stdin.drain()
    return await receive_frame(child.stdout)


@dataclass(frozen=True)
class Readers:
    """Reading processes that share the pages of one book."""

    processes: tuple[ReadingProcess, ...]
    idle: asyncio.Queue[ReadingProcess]

    async def read(self, paths: Sequence[str], on_page: Callable[[int], None]) -> list[Page]:
        """One page per path, in the same order; `on_page` hears how many are read. Raises `ServiceError`: no process starts."""
        done = count(1)

        async def read_one(path: str) -> Page:
            page = await self._read(path)
            on_page(next(done))
            return page

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(read_one(path)) for path in paths]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the others are the same again
        return [task.result() for task in tasks]

    async def _read(self, path: str) -> Page:
        process = await self.idle.get()
        try:
            return await process.read(path)
        finally:
            self.idle.put_nowait(process)

    @property
    def exact_tokens(self) -> bool:
        """False when a child counts tokens by estimate."""
        return all(process.exact_tokens for process in self.processes)


@asynccontextmanager
async def open_readers(rules: ReadingRules, processes: int, *, wait_limit_s: float = WAIT_LIMIT_S) -> AsyncGenerator[Readers]:
    """So many reading processes; they end with the context."""
    children = tuple(ReadingProcess(rules, wait_limit_s) for _ in range(processes))
    idle: asyncio.Queue[ReadingProcess] = asyncio.Queue()
    for child in children:
        idle.put_nowait(child)
    try:
        yield Readers(children, idle)
    finally:
        for child in children:
            await child.end()

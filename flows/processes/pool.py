"""Reading processes: so many as the book needs, each reading one page at a time, and none of them for too long."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from math import inf
from pathlib import Path
from typing import Any

from flows.processes.messages import PageRead, PageRequest, ReadingRules, Ready, encode_frame, receive_frame
from flows.processes.page_cache import PageCache
from flows.reading.page import Page, failed_page
from shared.errors import ServiceError
from shared.settings import HOME

IDLE_LIMIT_S = 60.0
"""Longest that a process may use no processor time before it answers: it is stopped, or hangs. On a busy machine it gets
little, but some; how much a page may use is `ReadingRules.page_limit_s`."""
START_LIMIT_S = 60.0
"""Processor time that starting a process may take; 0.7 s is usual."""
STARTS = 5
"""How many processes are started in a row, when none of them answers."""
LOOKS = 30
"""Within the idle limit. Looks are counted, not seconds: while this process was stopped too, there was none."""
BYTES_PER_PROCESS = 2_000_000
"""Starting a process costs 0.7 s and 100 MB, about what it takes to read this much Markdown."""
MAX_PROCESSES = 4

logger = logging.getLogger(__name__)


def processes_for(book_bytes: int) -> int:
    """How many reading processes a book of this size is worth on this machine."""
    return max(1, min(book_bytes // BYTES_PER_PROCESS, os.cpu_count() or 1, MAX_PROCESSES))


@dataclass
class ReadingProcess:
    """One child; started when first used and again after it had to be ended."""

    rules: ReadingRules
    idle_limit_s: float
    exact_tokens: bool = True
    child: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> asyncio.subprocess.Process:
        """The running child, ready to read; raises `ServiceError` when several in a row did not become so."""
        if self.child is not None:
            return self.child
        reason, path = "", os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
        for tried in range(1, STARTS + 1):
            child = self.child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "flows.processes.page_worker"),
                env=os.environ | {"PYTHONPATH": path},  # found wherever this package was found
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                greeting = _ask(child, self.rules.model_dump_json().encode())
                answer = await _await_answer(child, greeting, self.idle_limit_s, processor_limit_s=START_LIMIT_S)
                self.exact_tokens = Ready.model_validate_json(answer).exact_tokens
                return child
            except TimeoutError as exc:
                await self.end()
                reason = str(exc)
            except (asyncio.IncompleteReadError, ConnectionError):
                reason = f"exit code {await self.end()}"
            logger.warning("The reading process did not start (%s); attempt %d of %d", reason, tried, STARTS)
        raise ServiceError("disk", f"The reading process did not start in {STARTS} attempts ({reason}).", transient=True)

    async def read(self, path: str, text: str | None = None) -> PageRead:
        """The page at `path`, or of `text` as if it stood there; one that takes too long or ends the child is a problem."""
        child = await self.start()
        try:
            answer = await _await_answer(
                child, _ask(child, PageRequest(path=path, text=text).model_dump_json().encode()), self.idle_limit_s
            )
        except TimeoutError as exc:
            await self.end()
            return _failed(path, f"was not read: {exc}")
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self.end()
            if code == -signal.SIGPROF:
                return _failed(path, f"took over {self.rules.page_limit_s:g} s of processor time to read")
            return _failed(path, f"ended the reading process (exit code {code})")
        return PageRead.model_validate_json(answer)

    async def end(self) -> int | None:
        """Kill the child, if it runs; its exit code."""
        child, self.child = self.child, None
        if child is None:
            return None
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)  # child.kill() polls first, and so takes the exit code from who waits for it
        return await child.wait()


def _failed(path: str, reason: str) -> PageRead:
    return PageRead(page=failed_page(path, reason))


async def _ask(child: asyncio.subprocess.Process, message: bytes) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise ConnectionError("The reading process was started without pipes.")
    child.stdin.write(encode_frame(message))
    await child.stdin.drain()
    return await receive_frame(child.stdout)


async def _await_answer(
    child: asyncio.subprocess.Process, asked: Coroutine[Any, Any, bytes], idle_limit_s: float, *, processor_limit_s: float = inf
) -> bytes:
    """What the child answers; raises `TimeoutError`, saying why, when it uses no processor time for long, or too much of it."""
    answer = asyncio.ensure_future(asked)
    used, idle_looks = processor_s(child.pid), 0
    try:
        while not (await asyncio.wait({answer}, timeout=idle_limit_s / LOOKS))[0]:
            before, used = used, processor_s(child.pid)
            idle_looks = 0 if used > before else idle_looks + 1
            if idle_looks >= LOOKS:
                raise TimeoutError(f"the reading process was stopped or hung for {idle_limit_s:g} s")
            if used > processor_limit_s:
                raise TimeoutError(f"over {processor_limit_s:g} s of processor time")
        return answer.result()
    finally:
        answer.cancel()


def processor_s(pid: int) -> float:
    """Processor time a process has used, in steps of 0.01 s; always 0 where there is no /proc, as if it were idle."""
    try:
        status = Path("/proc", str(pid), "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    user, system = status.rpartition(")")[2].split()[11:13]  # proc(5): fields 14 and 15; the name before may hold spaces
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Readers:
    """Reading processes that share the pages of one book."""

    processes: tuple[ReadingProcess, ...]
    idle: asyncio.Queue[ReadingProcess]
    cache: PageCache | None = None
    """What remembers the pages that are read."""

    async def read(self, paths: Sequence[str], on_page: Callable[[int], None]) -> list[Page]:
        """One page per path, in the same order; `on_page` hears how many are read. Raises `ServiceError`: no process starts."""
        done = count(1)

        async def read_next(path: str) -> PageRead:
            read = await self._read(path)
            on_page(next(done))
            return read

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(read_next(path)) for path in paths]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the others are the same again
        read = [task.result() for task in tasks]
        if self.cache is not None:
            await asyncio.to_thread(self.cache.keep, read)
        return [each.page for each in read]

    async def read_one(self, path: str, text: str | None = None) -> Page:
        """The page at `path`, or of `text` as if it stood there. Raises `ServiceError`: no process starts."""
        return (await self._read(path, text)).page

    async def _read(self, path: str, text: str | None = None) -> PageRead:
        process = await self.idle.get()
        try:
            return await process.read(path, text)
        finally:
            self.idle.put_nowait(process)

    @property
    def exact_tokens(self) -> bool:
        """False when a child counts tokens by estimate."""
        return all(process.exact_tokens for process in self.processes)


@asynccontextmanager
async def open_readers(
    rules: ReadingRules, processes: int, *, idle_limit_s: float = IDLE_LIMIT_S, cache: PageCache | None = None
) -> AsyncGenerator[Readers]:
    """So many reading processes, of which none starts before it is needed; they end with the context.

    `cache` is told of every page that is read in a batch.
    """
    children = tuple(ReadingProcess(rules, idle_limit_s) for _ in range(processes))
    idle: asyncio.Queue[ReadingProcess] = asyncio.Queue()
    for child in children:
        idle.put_nowait(child)
    try:
        yield Readers(children, idle, cache)
    finally:
        for child in children:
            await child.end()

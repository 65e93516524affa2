"""What `make up` says while everything starts: the web first, then Prefect, then the book, step by step.

Nothing here gives up while there is something to wait for: on a busy machine each program has taken minutes, and whatever a
request fails with, it is sent again. Only a web process that ends each time it is started ends the start.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from flows.launch.supervisor import Launch
from flows.orchestration.dead_runs import close_dead_runs
from flows.report import describe_problems, describe_report
from flows.terminal import show_progress
from shared.errors import ConfigurationError
from shared.ingest_runs import prefect_headers
from shared.models import Progress, Report

T = TypeVar("T")

LOOK_EVERY_S = 0.5
"""In production the web counts these requests against the limit of 300 a minute."""
REQUEST_TIMEOUT_S = 20.0
SAY_AFTER_S = 30.0
"""Somebody who waits is told so after this long, and each time the wait has doubled."""
WEB_ENDINGS = 5
"""A web process that ended this often without ever having answered will not answer the next time either."""
RUNS_AT_MOST = 3
"""Started one after the other while they crash; a run that fails has read the book and says what is wrong with it."""
OVER = {"completed", "failed", "crashed", "cancelled"}
QUESTION = '{"question": "What is this book about?"}'


class _Health(BaseModel):
    chat_model: str
    openai_connected: bool
    documents_count: int
    chunks_count: int


class _IngestStarted(BaseModel):
    run_id: str


class _IngestRun(BaseModel):
    state: str
    message: str = ""
    progress: Progress | None = None
    report: Report | None = None


class Startup:
    """Follows one start through the programs' own HTTP interfaces."""

    def __init__(self, launch: Launch, web: httpx.AsyncClient, prefect: httpx.AsyncClient) -> None:
        """`web` and `prefect` have the addresses of the web server and of Prefect's API as base URL."""
        self._launch = launch
        self._web = web
        self._prefect = prefect
        self._supervisor_log = launch.logs / "supervisord.log"
        self._supervisor_log_start = self._supervisor_log.stat().st_size if self._supervisor_log.exists() else 0

    async def follow(self) -> None:
        """Tell how far everything is, and have the book read.

        Raises `ConfigurationError` when the web process cannot run, for then there is nothing to use.
        """
        self._say_chat_is_up(await self._wait(self._web_health, "The web server is still starting ({s:.0f} s)", "web"))
        if self._launch.reads_book:
            await self._have_book_read()
        self._say_addresses()

    async def _have_book_read(self) -> None:
        waiting = "Prefect is still starting ({s:.0f} s); the chat answers meanwhile, and the book is read once it is up"
        await self._wait(self._prefect_is_up, waiting, "prefect")
        say(f"Prefect is up: {self._launch.prefect_url}")
        if self._launch.own_prefect:
            waiting = "Prefect does not yet tell which runs died ({s:.0f} s); the chat answers meanwhile"
            await self._wait(self._close_dead_runs, waiting, "prefect")
        run, runs = await self._run_ingest(), 1
        while run.state == "crashed" and runs < RUNS_AT_MOST:
            say(f"The ingest crashed ({run.message or 'no reason given'}); it is started again.")
            run, runs = await self._run_ingest(), runs + 1
        if run.report is not None:
            for line in (*describe_problems(run.report.problems), *describe_report(run.report)):
                say(line)
        if run.state != "completed":
            say(f"The book could not be read: {run.message or run.state}")

    async def _run_ingest(self) -> _IngestRun:
        """A run that is over; its progress was shown."""
        waiting = "The ingest cannot be started yet ({s:.0f} s); the chat answers meanwhile"
        run_id = await self._wait(self._start_ingest, waiting, "worker")
        with show_progress() as on_progress:
            return await self._wait(lambda: self._ended_run(run_id, on_progress))

    async def _wait(self, look: Callable[[], Awaitable[T | None]], waiting: str = "", program: str = "") -> T:
        """What `look` gives once it gives something. `waiting`: said now and then until it does, with what `program` logged."""
        started, say_after_s = time.monotonic(), SAY_AFTER_S
        while True:
            with suppress(httpx.HTTPError, ValidationError):  # starting, busy, or being restarted
                if found := await look():
                    return found
            seconds = time.monotonic() - started
            if waiting and seconds >= say_after_s:
                say(waiting.format(s=seconds) + self._last_log_line(program))
                say_after_s = 2 * seconds
            await asyncio.sleep(LOOK_EVERY_S)

    async def _web_health(self) -> _Health | None:
        endings = 0
        if self._supervisor_log.exists():
            with self._supervisor_log.open("rb") as log:
                log.seek(self._supervisor_log_start)
                endings = len(re.findall(rb"\bexited: web \(", log.read()))
        if endings >= WEB_ENDINGS:
            raise ConfigurationError(f"The web server was started {endings} times and ended{self._last_log_line('web')}")
        return _Health.model_validate_json((await self._web.get("/health")).raise_for_status().content)

    async def _prefect_is_up(self) -> bool:
        return (await self._prefect.get("/health")).is_success

    async def _close_dead_runs(self) -> bool:
        await close_dead_runs(self._prefect, since=self._launch.started)
        return True

    async def _start_ingest(self) -> str:
        """The run's id. The same request again gives the same run."""
        answer = await self._web.post("/ingest", headers={"Authorization": f"Bearer {self._launch.admin_key}"}, json={})
        return _IngestStarted.model_validate_json(answer.raise_for_status().content).run_id

    async def _ended_run(self, run_id: str, on_progress: Callable[[Progress], None]) -> _IngestRun | None:
        """The run once it is over; its progress is shown until then."""
        answer = (await self._web.get(f"/ingest/{run_id}")).raise_for_status()
        run = _IngestRun.model_validate_json(answer.content)
        on_progress(run.progress or Progress(steps=()))
        return run if run.state in OVER else None

    def _last_log_line(self, program: str) -> str:
        """What the program logged last, if its log is a file: the end of a sentence."""
        path = self._launch.logs / f"{program}.log"
        if not path.is_file():
            return "."
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            logged = file.read().decode("utf-8", errors="replace").strip().splitlines()
        return f": {logged[-1]} (all of it: {path})" if logged else "."

    def _say_chat_is_up(self, health: _Health) -> None:
        url = self._launch.web_url
        if health.chunks_count:
            say(f"Chat is up: {url}, answering from {health.documents_count} pages ({health.chunks_count} chunks).")
        elif not self._launch.reads_book:
            say(f"Chat is up: {url}; the index is empty; questions are answered as soon as it is filled from elsewhere.")
        else:
            say(f"Chat is up: {url}; the book is being read, and is answered from as soon as it has been.")
        if health.chat_model != "extractive" and not health.openai_connected:
            say("The chat model does not answer; readers get quotations from the book until it does.")

    def _say_addresses(self) -> None:
        say("")
        say(f"Ask at        {self._launch.web_url}")
        say(f"or            curl -N {self._launch.web_url}/chat -H 'Content-Type: application/json' -d '{QUESTION}'")
        if self._launch.reads_book:
            file = self._launch.prefect_auth_file
            say(f"Prefect UI    {self._launch.prefect_url}" + (f" (asks for what is in {file})" if file else ""))
        if self._launch.reads_book and self._launch.admin_key_file:
            say(f"Key of /ingest, for this start only: {self._launch.admin_key_file}")
        say(f"Logs          {self._launch.logs}")
        say("Ctrl-C stops everything.")


def say(line: str) -> None:
    """One line for whoever watches."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def follow_startup(launch: Launch) -> None:
    """Tell how far one start is, and have the book read. Raises as `Startup.follow` does."""
    prefect_api, own, headers = f"{launch.prefect_url}/api", launch.own_prefect, prefect_headers(launch.prefect_auth)
    async with (
        httpx.AsyncClient(base_url=launch.web_url, trust_env=False, timeout=REQUEST_TIMEOUT_S) as web,
        httpx.AsyncClient(base_url=prefect_api, headers=headers, trust_env=not own, timeout=REQUEST_TIMEOUT_S) as prefect,
    ):
        await Startup(launch, web, prefect).follow()

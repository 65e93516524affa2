"""What `make up` says while everything starts: the web first, then Prefect, then the book, step by step."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from flows.launch.supervisor import Layout
from flows.orchestration.dead_runs import close_dead_runs
from flows.report import describe_problems, describe_report
from flows.terminal import show_progress
from shared.errors import ConfigurationError, ServiceError
from shared.models import Progress, Report

T = TypeVar("T")

LOOK_EVERY_S = 0.25
FOLLOW_EVERY_S = 0.5
"""In production the web counts these requests against the limit of 300 a minute."""
WEB_LIMIT_S = 60.0
PREFECT_LIMIT_S = 180.0
"""Cold, on two busy cores, Prefect has taken a minute to migrate its database."""
INGEST_LIMIT_S = 6 * 3600.0
OVER = {"completed", "failed", "crashed", "cancelled"}
QUESTION = '{"question": "What is this book about?"}'


class _IngestRun(BaseModel):
    state: str
    message: str = ""
    progress: Progress | None = None
    report: Report | None = None


class Startup:
    """Follows one start through the programs' own HTTP interfaces."""

    def __init__(self, deployment: Layout, web: httpx.AsyncClient, prefect: httpx.AsyncClient) -> None:
        """`web` and `prefect` have the addresses of the web server and of Prefect's API as base URL."""
        self._deployment = deployment
        self._web = web
        self._prefect = prefect

    async def follow_startup(self) -> None:
        """Tell how far everything is, and have the book read.

        Raises `ConfigurationError` when the web server does not come up, for then there is nothing to use, and `ServiceError`
        when Prefect does not: the web answers from the build it has.
        """
        health = await self._wait(self._health, WEB_LIMIT_S)
        if health is None:
            raise ConfigurationError(f"The web server has not come up in {WEB_LIMIT_S:.0f} s{self._last_words('web')}")
        self._greet(health)
        if not self._deployment.reads_book:
            self._say_addresses()
            return
        if not await self._wait(self._prefect_is_up, PREFECT_LIMIT_S):
            raise self._no_prefect("prefect")
        say(f"Prefect is up: {self._deployment.prefect_url}")
        if self._deployment.own_prefect:
            await close_dead_runs(self._prefect, since=self._deployment.started)
        run_id = await self._wait(self._start_ingest, PREFECT_LIMIT_S)
        if run_id is None:
            raise self._no_prefect("worker")
        self._conclude(await self._follow(run_id))

    def _greet(self, health: dict[str, Any]) -> None:
        url, chunks = self._deployment.web_url, health["chunks_count"]
        if chunks:
            say(f"Chat is up: {url}, answering from {health['documents_count']} pages ({chunks} chunks).")
        elif not self._deployment.reads_book:
            say(f"Chat is up: {url}; the index is empty; questions are answered as soon as it is filled from elsewhere.")
        else:
            say(f"Chat is up: {url}; the book is being read, and is answered from as soon as it has been.")
        if health["chat_model"] != "extractive" and not health["openai_connected"]:
            say("The chat model does not answer; readers get quotations from the book until it does.")

    async def _follow(self, run_id: str) -> _IngestRun:
        """Show the run's progress until it is over."""
        deadline = time.monotonic() + INGEST_LIMIT_S
        with show_progress() as on_progress:
            while time.monotonic() < deadline:
                with suppress(httpx.HTTPError):  # the web or Prefect is being restarted
                    answer = await self._web.get(f"/ingest/{run_id}")
                    if answer.is_success:
                        run = _IngestRun.model_validate_json(answer.content)
                        on_progress(run.progress or Progress(steps=()))
                        if run.state in OVER:
                            return run
                await asyncio.sleep(FOLLOW_EVERY_S)
        raise ServiceError("prefect", "The ingest has not ended; see Prefect.", transient=False)

    def _conclude(self, run: _IngestRun) -> None:
        if run.report is not None:
            for line in (*describe_problems(run.report.problems), *describe_report(run.report)):
                say(line)
        if run.state != "completed":
            say(f"The book could not be read: {run.message or run.state}")
        self._say_addresses()

    def _say_addresses(self) -> None:
        say("")
        say(f"Ask at        {self._deployment.web_url}")
        say(f"or            curl -N {self._deployment.web_url}/chat -H 'Content-Type: application/json' -d '{QUESTION}'")
        if self._deployment.reads_book:
            say(f"Prefect UI    {self._deployment.prefect_url}")
        if self._deployment.reads_book and self._deployment.admin_key_file:
            say(f"Key of /ingest, for this start only: {self._deployment.admin_key_file}")
        say(f"Logs          {self._deployment.logs}")
        say("Ctrl-C stops everything.")

    async def _health(self) -> dict[str, Any] | None:
        answer = await self._web.get("/health")
        return answer.json() if answer.is_success else None

    async def _prefect_is_up(self) -> bool:
        return (await self._prefect.get("/health")).is_success

    async def _start_ingest(self) -> str | None:
        """The run's id; None while the deployment is not registered yet."""
        answer = await self._web.post("/ingest", headers={"Authorization": f"Bearer {self._deployment.admin_key}"}, json={})
        return str(answer.json()["run_id"]) if answer.is_success else None

    async def _wait(self, look: Callable[[], Awaitable[T | None]], limit_s: float) -> T | None:
        """What `look` gives once it gives something; None when it has not within the limit."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if found := await look():
                    return found
            await asyncio.sleep(LOOK_EVERY_S)
        return None

    def _no_prefect(self, program: str) -> ServiceError:
        message = f"Prefect has not come up in {PREFECT_LIMIT_S:.0f} s, so the book was not read{self._last_words(program)}"
        return ServiceError("prefect", message, transient=True)

    def _last_words(self, program: str) -> str:
        """What the program said last, if its log is a file."""
        path = self._deployment.logs / f"{program}.log"
        said = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.is_file() else []
        return f": {said[-1]} (all of it: {path})" if said else "."


def say(line: str) -> None:
    """One line for whoever watches."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def follow_startup(deployment: Layout) -> None:
    """Guide one start. Raises as `Startup.follow_startup` does."""
    async with (
        httpx.AsyncClient(base_url=deployment.web_url, trust_env=False) as web,
        httpx.AsyncClient(base_url=f"{deployment.prefect_url}/api", trust_env=not deployment.own_prefect) as prefect,
    ):
        await Startup(deployment, web, prefect).follow_startup()

"""Everything the server depends on, killed and started again while readers ask."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from tests.figures.measuring.harness import (
    QUESTIONS,
    Measured,
    Server,
    Trial,
    answering_with,
    make_book,
    question_body,
    serve,
    settle,
)
from tests.figures.measuring.readers import Heard, hear
from tests.figures.upstream import FaultyModels, FaultyQdrant, outcome_of
from tests.support.databases import postgres, redis
from tests.support.databases.postgres import Postgres
from tests.support.databases.redis import RedisProcess
from tests.support.prefect_stage import AUTH, Stage, stop

CHATS_A_SECOND = 5
RECOVERED_LIMIT_S = 60.0
OPTIONAL = {"Postgres", "Redis", "Prefect"}
"""Chat goes on without them as if nothing were."""
TYPED = {"answered", "degraded", "index_unavailable", "upstream_unavailable"}


@dataclass(frozen=True)
class Service:
    """Something that can be killed."""

    name: str
    server: Server
    kill: Callable[[], Awaitable[object]]
    start: Callable[[], Awaitable[object]]


async def restarts(trial: Trial) -> Measured:
    """Each: some seconds well, some away, some back; what readers were told in each, and after how long all was well."""
    parts, failed, tried = list[str](), 0, 0
    async with _services(trial) as services:
        for service in services:
            asked = _Asking(service.server)
            asking = asyncio.create_task(asked.run())
            for moment, change in (("well", None), ("away", service.kill), ("back", service.start)):
                asked.moment = moment
                if change is not None:
                    await change()
                await asyncio.sleep(trial.pick(8, 1))
            began = time.monotonic()
            recovered = await settle(asked.is_well, RECOVERED_LIMIT_S)
            took_s = time.monotonic() - began
            asked.stop.set()
            await asking
            told = asked.outcomes
            good = {"answered"} if service.name in OPTIONAL else TYPED
            bad = {
                (moment, outcome): count
                for (moment, outcome), count in told.items()
                if outcome not in good or (moment == "well" and outcome != "answered")
            }
            tried += told.total()
            failed += sum(bad.values()) + (not recovered)
            away = ", ".join(f"{count} {outcome}" for (moment, outcome), count in told.items() if moment == "away")
            parts.append(f"{service.name} away: {away}, well again after {took_s:.1f} s, wrong {bad or 0} of {told.total()}")
        tracebacks = sum(server.tracebacks() for server in {one.server.port: one.server for one in services}.values())
    return Measured(". ".join([*parts, f"{tracebacks} tracebacks"]), tried, failed + tracebacks)


class _Asking:
    """Asks at a rate, and counts what readers are told, by the moment they asked in."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.moment = "well"
        self.stop = asyncio.Event()
        self.outcomes: Counter[tuple[str, str]] = Counter()

    async def run(self) -> None:
        asking = list[asyncio.Task[None]]()
        while not self.stop.is_set():
            asking.append(asyncio.create_task(self._ask(len(asking))))
            await asyncio.sleep(1 / CHATS_A_SECOND)
        await asyncio.gather(*asking)

    async def is_well(self) -> bool:
        return outcome_of(await self._hear(f"now {time.monotonic_ns()}")) == "answered"

    async def _ask(self, n: int) -> None:
        moment = self.moment
        outcome = outcome_of(await self._hear(f"{n} at {time.monotonic_ns()}"))
        self.outcomes[moment if moment == self.moment else "between", str(outcome)] += 1

    async def _hear(self, what: str) -> Heard:
        body = question_body(f"{QUESTIONS[hash(what) % 8][:-1]}, asked {what}?", session_id=str(uuid4()))
        return await hear(self._server.port, body)


@asynccontextmanager
async def _services(trial: Trial) -> AsyncGenerator[list[Service]]:
    """One server with all but Qdrant, and one with Qdrant; what is not installed, or is slow to start on trial, is left out."""
    settings: dict[str, object] = {}
    found = list[tuple[str, Callable[[], object], Callable[[], object]]]()
    with_postgres = Postgres() if postgres.BIN else None
    with_redis = RedisProcess() if redis.PROGRAM else None
    stage = None if trial.is_short else Stage(trial.folder)
    try:
        if with_postgres:
            with_postgres.start()
            settings["DATABASE_URL"] = with_postgres.make_database("figures")
            found.append(("Postgres", with_postgres.stop, with_postgres.start))
        if with_redis:
            with_redis.start()
            settings["REDIS_URL"] = with_redis.url
            found.append(("Redis", with_redis.stop, with_redis.start))
        if stage is not None:
            await asyncio.to_thread(stage.start_server)
            settings |= {"PREFECT_API_URL": stage.api_url, "PREFECT_API_AUTH_STRING": AUTH.get_secret_value()}
            found.append(("Prefect", lambda: stop(stage.server), stage.start_server))  # type: ignore[arg-type]
        await make_book(trial)
        async with FaultyModels() as models, FaultyQdrant() as qdrant:
            remote = Trial(trial.folder / "remote", trial.is_short)
            remote.folder.mkdir()
            await make_book(remote, qdrant_url=qdrant.url)
            asked = answering_with(models)
            async with (
                serve(trial.folder, **asked, **settings) as server,
                serve(remote.folder, QDRANT_URL=qdrant.url, ANSWER_CACHE_HOURS=0) as other,
            ):
                services = [Service(name, server, _in_thread(kill), _in_thread(start)) for name, kill, start in found]
                services.append(Service("OpenAI", server, models.refuse, models.listen))
                yield [*services, Service("Qdrant", other, qdrant.refuse, qdrant.listen)]
    finally:
        if stage is not None and stage.server is not None:
            await asyncio.to_thread(stop, stage.server)
        if with_postgres:
            with_postgres.__exit__()
        if with_redis:
            with_redis.stop()


def _in_thread(call: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    return lambda: asyncio.to_thread(call)

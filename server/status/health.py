"""What the service depends on, each asked in the background and not too often; and whether the book is being read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from server.prefect_api import Findings, FlowRun, PrefectApi
from server.status.health_report import ServiceName, ServiceState
from server.status.probes import Probe, ProbeResult
from shared.ingest_runs import is_dead
from shared.models import Build, Progress
from shared.settings import Settings

ASKED_NOW_S: Mapping[ServiceName, float] = {"index": 1.0, "prefect": 0.7, "database": 0.7, "redis": 0.5}
"""How long each of those nearby is waited for when it is asked at that moment; upstreams may count what they are asked."""
LOOKED_AT_S = 0.5
"""How long the first answer of an upstream is waited for."""
STARTING_S = 300.0
"""How long after the start of this process Prefect and the first ingest may be on their way: minutes, on a busy machine."""


@dataclass(frozen=True, slots=True)
class LastIngest:
    """The latest ingest run and what it has written down."""

    run: FlowRun
    findings: Findings


@dataclass(frozen=True, slots=True)
class Health:
    """What /health looks at."""

    build: Probe[Build | None]
    index: Probe[None]
    prefect: Probe[None]
    chat_model: Probe[None] | None
    """None: answers are quotations."""
    embeddings: Probe[None] | None
    """None: search is lexical only."""
    last_ingest: Probe[LastIngest | None]
    """None: none was ever started."""
    database: Probe[None] | None = None
    """None: nothing is remembered."""
    redis: Probe[None] | None = None
    """None: what is kept is kept in memory."""
    embedding_model: str | None = None
    """Its name."""
    began: float = field(default_factory=time.monotonic)

    async def begin(self) -> None:
        """Ask for the build and the embedding model: what they need is loaded before the first reader has to wait for it."""
        await self.build.look(0.0)
        if self.embeddings is not None:
            await self.embeddings.look(0.0)

    async def aclose(self) -> None:
        """Stop asking."""
        for probe in (self.build, self.last_ingest, *self.services.values()):
            if probe is not None:
                await probe.aclose()

    @property
    def services(self) -> Mapping[ServiceName, Probe[None] | None]:
        """What the service depends on, by name; None: not used."""
        return {
            "index": self.index,
            "chat_model": self.chat_model,
            "embeddings": self.embeddings,
            "prefect": self.prefect,
            "database": self.database,
            "redis": self.redis,
        }

    @property
    def uptime_s(self) -> float:
        """Seconds since the process started."""
        return time.monotonic() - self.began


async def ask_services(health: Health) -> dict[ServiceName, ServiceState]:
    """How each dependency is: those nearby asked now, all at once, and each with its own limit of time."""

    async def ask(name: ServiceName, probe: Probe[None] | None) -> ServiceState:
        if probe is None:
            return "unused"
        if name in ASKED_NOW_S:
            return "ok" if await probe.ask_now(ASKED_NOW_S[name]) else "down"
        result: ProbeResult[None] | None = await probe.look(LOOKED_AT_S)
        return "ok" if result is not None and result.is_well else "down"

    services = health.services
    states = await asyncio.gather(*(ask(name, probe) for name, probe in services.items()))
    return dict(zip(services, states, strict=True))


async def last_ingest(prefect: PrefectApi) -> LastIngest | None:
    """The latest run of the ingest. Raises `ServiceError`."""
    run = await prefect.latest()
    return LastIngest(run, await prefect.findings(run.id)) if run else None


class FirstReading(NamedTuple):
    """How it stands with the book while no build of it is live."""

    is_expected: bool
    """It is being read, or is about to be."""
    advice: str | None = None
    """What is the matter and what to do about it, for the operator."""
    progress: Progress | None = None


async def first_reading(health: Health, settings: Settings, *, wait_s: float) -> FirstReading:
    """Whether somebody reads the book for the first time or soon will; a look at Prefect waits no longer than `wait_s`."""
    if not settings.reads_book:
        advice = "BOOK_SOURCE=none: no book is read here. Fill the index from elsewhere with `python -m flows ingest`."
        return FirstReading(is_expected=False, advice=advice)
    result = await health.last_ingest.look(wait_s)
    is_starting, now = health.uptime_s < STARTING_S, datetime.now(UTC)
    if result is None or not result.is_well:
        advice = "Prefect does not answer, and without it no ingest starts: is it running? Its log is in DATA_DIR/logs."
        return FirstReading(is_expected=is_starting, advice=advice)
    if (last := result.value) is None:
        return FirstReading(is_expected=is_starting, advice="No ingest was started yet: start one with `POST /ingest`.")
    run, findings = last.run, last.findings
    if run.is_active:
        if run.has_process and is_dead(run.last_sign(findings), now):
            advice = "The process that read the book has died: start another ingest with `POST /ingest`."
            return FirstReading(is_expected=is_starting, advice=advice)
        waits_long = run.state in {"scheduled", "pending"} and now - run.since > timedelta(seconds=STARTING_S)
        advice = "An ingest waits for the worker, and has for minutes: is `python -m flows.orchestration.worker` running?"
        return FirstReading(is_expected=not waits_long, advice=advice if waits_long else None, progress=findings.progress)
    advice = f"The latest ingest is over: {run.state}. `/ingest/status` says more; start another with `POST /ingest`."
    if run.state == "completed":
        advice = "The latest ingest is complete, yet this index holds no book: do DATA_DIR, QDRANT_URL and COLLECTION agree?"
    return FirstReading(is_expected=False, advice=advice)

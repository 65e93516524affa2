"""How things stand right now, in Prometheus' terms: read when it is asked for, from what /health looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily

from server.http.limits import RateLimits
from server.models.budget import Budget
from server.status.health import Health, LastIngest
from server.status.health_report import LiveBuild
from server.status.probes import WAIT_S, is_well, live_build
from server.version import VERSION
from shared.settings import Settings

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "info": ("Always 1; what this process is.", ("version", "chat_model", "embedding_model")),
    "streams_open": ("Answers on their way.", ()),
    "streams_max": ("Answers that may be on their way at once (MAX_STREAMS).", ()),
    "budget_spent_usd": ("Dollars spent upstream since midnight UTC, by all who share the budget.", ()),
    "budget_cap_usd": ("Dollars a day after which answers are quotations (DAILY_BUDGET_USD); 0: no cap.", ()),
    "service_up": (
        "1 when it answers: `index`, `chat_model`, `embeddings`, `prefect`, `database`, `redis`; absent when not used.",
        ("service",),
    ),
    "index_build_info": ("Always 1; the live build.", ("build_id", "embedding_model")),
    "index_build_timestamp_seconds": ("When the live build was made; its age is `time()` minus this.", ()),
    "index_documents": ("Pages in the live build.", ()),
    "index_chunks": ("Chunks in the live build.", ()),
    "ingest_last_run_state": ("Always 1; the state of the latest ingest run, as Prefect calls it.", ("state",)),
    "ingest_last_run_end_timestamp_seconds": ("When the latest ingest run ended; absent while it runs.", ()),
    "ingest_last_run_problems": ("Files the latest ingest run reported and skipped.", ()),
    "ingest_last_run_embedding_tokens": ("Tokens the latest ingest run had embedded.", ()),
    "ingest_last_run_cost_usd": ("What that cost; absent when the price is not known.", ()),
}
"""Meaning and labels, by name without `lectern_`."""


class Reading(NamedTuple):
    """One value of a gauge."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


async def read_gauges(settings: Settings, health: Health, limits: RateLimits, budget: Budget) -> list[GaugeMetricFamily]:
    """Every gauge that has a value; asks no service more often than /health does, and waits for none longer."""
    build, ups, ingest = await asyncio.gather(live_build(health.build), _services_up(health), health.last_ingest.look(WAIT_S))
    chat_model = settings.chat_model if health.chat_model else "extractive"
    readings = [
        Reading("info", 1, (VERSION, chat_model, health.embedding_model or "none")),
        Reading("streams_open", limits.open_streams),
        Reading("streams_max", limits.max_streams),
        Reading("budget_spent_usd", budget.spent_usd),
        Reading("budget_cap_usd", budget.cap_usd),
        *ups,
        *_build(build),
        *_ingest(ingest.value if ingest else None),
    ]
    families = {
        name: GaugeMetricFamily(f"lectern_{name}", meaning, labels=labels) for name, (meaning, labels) in GAUGES.items()
    }
    for reading in readings:
        families[reading.name].add_metric(reading.labels, reading.value)
    return list(families.values())


async def _services_up(health: Health) -> list[Reading]:
    used = {name: probe for name, probe in health.services.items() if probe is not None}
    are_up = await asyncio.gather(*(is_well(probe) for probe in used.values()))
    return [Reading("service_up", float(is_up), (name,)) for name, is_up in zip(used, are_up, strict=True)]


def _build(build: LiveBuild | None) -> Iterator[Reading]:
    if build is not None:
        yield Reading("index_build_info", 1, (build.id, build.embedding_model or "none"))
        yield Reading("index_build_timestamp_seconds", build.created_at.timestamp())
        yield Reading("index_documents", build.documents)
        yield Reading("index_chunks", build.chunks)


def _ingest(last: LastIngest | None) -> Iterator[Reading]:
    if last is None:
        return
    yield Reading("ingest_last_run_state", 1, (last.run.state,))
    if last.run.ended_at is not None:
        yield Reading("ingest_last_run_end_timestamp_seconds", last.run.ended_at.timestamp())
    if (report := last.findings.report) is not None:
        yield Reading("ingest_last_run_problems", len(report.problems))
        yield Reading("ingest_last_run_embedding_tokens", report.tokens)
        if report.cost_usd is not None:
            yield Reading("ingest_last_run_cost_usd", report.cost_usd)

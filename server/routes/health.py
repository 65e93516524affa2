"""How the service is: for people, for load balancers, for orchestrators."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from quart import Blueprint, Response

from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.policy import unlimited
from server.schemas.book_api import Alive
from server.services import Services
from server.status.health import FirstReading, ask_services, first_reading
from server.status.health_report import DependencyHealth, HealthReport, Readiness, ServiceName
from server.status.probes import WAIT_S, Probe, is_well, live_build
from server.version import VERSION
from shared.errors import RequestError

LOOK_UP_S = 2.0
"""Of one dependency, asked for by name."""


def blueprint(services: Services) -> Blueprint:
    """The health routes; they need no address of the caller's."""
    health = Blueprint("health", __name__)

    @health.get("/health")
    @unlimited
    @documents("health", answer=HealthReport)
    async def report() -> Response:  # pyright: ignore[reportUnusedFunction]
        """How the service and what it depends on are."""
        return json_response(await report_health(services), Cache_Control="no-store")

    @health.get("/health/live")
    @unlimited
    @documents("health", answer=Alive)
    async def live() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The process answers."""
        return json_response(Alive())

    @health.get("/health/ready")
    @unlimited
    @documents("health", answer=Readiness)
    async def ready() -> Response:  # pyright: ignore[reportUnusedFunction]
        """A build is live and new questions are taken, 503 otherwise; and which dependency is down."""
        if services.drain.is_draining:
            raise RequestError("shutting_down", "The service is restarting.", status=503, retry_after_s=5.0)
        build, states = await asyncio.gather(live_build(services.health.build), ask_services(services.health))
        if build is None:
            raise _unready([name for name, state in states.items() if state == "down"])
        return json_response(Readiness(services=states), Cache_Control="no-store")

    @health.get("/health/qdrant")
    @unlimited
    @documents("health", answer=DependencyHealth)
    async def index() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The index answers, embedded or remote, and its live build is whole; 503 otherwise."""
        return await _ask_now(services.health.index, "index_unavailable", "The index does not answer.")

    @health.get("/health/db")
    @unlimited
    @documents("health", answer=DependencyHealth)
    async def database() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The database of conversations answers, or there is none; 503 otherwise."""
        return await _ask_now(services.health.database, "history_unavailable", "The database does not answer.")

    @health.get("/health/redis")
    @unlimited
    @documents("health", answer=DependencyHealth)
    async def redis() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Redis answers, or there is none; 503 otherwise."""
        return await _ask_now(services.health.redis, "redis_unavailable", "Redis does not answer.")

    return health


def _unready(down: Sequence[ServiceName]) -> RequestError:
    """Why no build is live, and all that is down."""
    named = f" Down: {', '.join(down)}." if down else ""
    if "index" in down:
        return RequestError("index_unavailable", f"The index does not answer.{named}", status=503, retry_after_s=5.0)
    return RequestError("book_not_read", f"The book has not been read yet.{named}", status=503, retry_after_s=5.0)


async def _ask_now(probe: Probe[None] | None, code: str, message: str) -> Response:
    if probe is not None and not await probe.ask_now(LOOK_UP_S):
        raise RequestError(code, message, status=503, retry_after_s=5.0)
    return json_response(DependencyHealth(status="ok" if probe else "unused"), Cache_Control="no-store")


async def report_health(services: Services) -> HealthReport:
    """What /health says; no dependency is waited for longer than `WAIT_S`."""
    health, settings = services.health, services.settings
    build, index, chat_model, embeddings, prefect, redis = await asyncio.gather(
        live_build(health.build), is_well(health.index), is_well(health.chat_model),
        is_well(health.embeddings), is_well(health.prefect), is_well(health.redis),
    )  # fmt: skip
    reading: FirstReading | None = None
    if services.drain.is_draining:
        status = "draining"
    elif not (index and (chat_model or health.chat_model is None) and (embeddings or health.embeddings is None)):
        status = "degraded"
    elif build is not None:
        status = "ok"
    else:
        reading = await first_reading(health, settings, wait_s=WAIT_S)
        status = "reading" if reading.is_expected else "no_book"
    return HealthReport(
        status=status,
        version=VERSION,
        uptime=round(health.uptime_s, 1),
        qdrant_connected=index,
        openai_connected=chat_model,
        embeddings_connected=embeddings,
        prefect_connected=prefect,
        database_connected=services.conversations.is_connected,
        redis_connected=redis,
        documents_count=build.documents if build else 0,
        chunks_count=build.chunks if build else 0,
        build=build,
        advice=reading.advice if reading else None,
        chat_model=settings.chat_model if health.chat_model else "extractive",
        embedding_model=health.embedding_model,
        tokenizer="exact" if services.exact_tokens else "estimate",
        open_streams=services.limits.open_streams,
    )

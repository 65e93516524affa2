"""How the service is: for people, for load balancers, for orchestrators."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Literal

from quart import Blueprint, Response

from server.documented import Alive, HealthReport, LiveBuild
from server.openapi import documents
from server.routes.bodies import json_response
from server.services import Services
from server.version import VERSION
from server.vitals import Probe, Sign
from shared.errors import RequestError
from shared.models import Build

WAIT_S = 0.7
"""Most that a look at /health waits for what it asks in the background."""


def blueprint(services: Services) -> Blueprint:
    """The health routes; they have no limit and need no address."""
    routes = HealthRoutes(services)
    health = Blueprint("health", __name__)
    health.add_url_rule("/health", "health", routes.health, methods=["GET"])
    health.add_url_rule("/health/live", "live", routes.live, methods=["GET"])
    health.add_url_rule("/health/ready", "ready", routes.ready, methods=["GET"])
    return health


async def live_build(probe: Probe[Build | None]) -> LiveBuild | None:
    """The live build, as callers may see it: without where the book was read from."""
    sign = await probe.look(WAIT_S)
    if sign is None or sign.value is None:
        return None
    return LiveBuild.model_validate(sign.value.model_dump(include=set(LiveBuild.model_fields)))


@dataclass(frozen=True, slots=True)
class HealthRoutes:
    """Handlers of health checks."""

    services: Services
    began: float = field(default_factory=time.monotonic)

    @documents("health", answer=HealthReport)
    async def health(self) -> Response:
        """How the service and what it depends on are."""
        health, settings = self.services.health, self.services.settings
        build, index, chat_model, embeddings, prefect = await asyncio.gather(
            live_build(health.build), _is_well(health.index), _is_well(health.chat_model),
            _is_well(health.embeddings), _is_well(health.prefect),
        )  # fmt: skip
        is_well = index and (chat_model or health.chat_model is None) and (embeddings or health.embeddings is None)
        report = HealthReport(
            status=self._status(build, is_well=is_well),
            version=VERSION,
            uptime=round(time.monotonic() - self.began, 1),
            qdrant_connected=index,
            openai_connected=chat_model,
            embeddings_connected=embeddings,
            prefect_connected=prefect,
            documents_count=build.documents if build else 0,
            chunks_count=build.chunks if build else 0,
            build=build,
            chat_model=settings.chat_model if health.chat_model else "extractive",
            embedding_model=settings.embedding_model if health.embeddings else None,
            tokenizer="exact" if self.services.exact_tokens else "estimate",
            open_streams=self.services.limits.open_streams,
        )
        return json_response(report, Cache_Control="no-store")

    @documents("health", answer=Alive)
    async def live(self) -> Response:
        """The process answers."""
        return json_response(Alive())

    @documents("health", answer=Alive)
    async def ready(self) -> Response:
        """A build is live and new questions are taken; 503 otherwise."""
        if self.services.drain.is_draining:
            raise RequestError("shutting_down", "The service is restarting.", status=503, retry_after_s=5.0)
        if await live_build(self.services.health.build) is None:
            raise RequestError("book_not_read", "The book has not been read yet.", status=503, retry_after_s=5.0)
        return json_response(Alive())

    def _status(self, build: LiveBuild | None, *, is_well: bool) -> Literal["ok", "reading", "degraded", "draining"]:
        if self.services.drain.is_draining:
            return "draining"
        if not is_well:
            return "degraded"
        return "ok" if build else "reading"


async def _is_well(probe: Probe[None] | None) -> bool:
    sign: Sign[None] | None = await probe.look(WAIT_S) if probe else None
    return sign is not None and sign.is_well

"""How the service is: for people, for load balancers, for orchestrators."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Literal

from quart import Blueprint, Response

from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.schemas import Alive, HealthReport, LiveBuild
from server.services import Services
from server.status.probes import is_well, live_build
from server.version import VERSION
from shared.errors import RequestError


def blueprint(services: Services) -> Blueprint:
    """The health routes; they have no limit and need no address."""
    routes = HealthRoutes(services)
    health = Blueprint("health", __name__)
    health.add_url_rule("/health", "health", routes.health, methods=["GET"])
    health.add_url_rule("/health/live", "live", routes.live, methods=["GET"])
    health.add_url_rule("/health/ready", "ready", routes.ready, methods=["GET"])
    return health


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
            live_build(health.build), is_well(health.index), is_well(health.chat_model),
            is_well(health.embeddings), is_well(health.prefect),
        )  # fmt: skip
        all_well = index and (chat_model or health.chat_model is None) and (embeddings or health.embeddings is None)
        report = HealthReport(
            status=self._status(build, is_well=all_well),
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

"""/metrics, for Prometheus."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from quart import Blueprint, Response, request

from server.http.auth import require_metrics_key
from server.http.openapi import documents
from server.services import Services
from server.status.gauges import read_gauges
from server.status.metrics import CONTENT_TYPE


def blueprint(services: Services) -> Blueprint:
    """The route of the metrics; it has no limit, for it must answer when much is going on."""
    routes = Blueprint("metrics", __name__)
    routes.add_url_rule("/metrics", "metrics", MetricsRoutes(services).metrics, methods=["GET"])
    return routes


@dataclass(frozen=True, slots=True)
class MetricsRoutes:
    """Handlers of metrics."""

    services: Services

    @documents("health", text={"text/plain": "Prometheus' text format, version 0.0.4."}, admin=True)
    async def metrics(self) -> Response:
        """What operators count, in Prometheus' text format."""
        require_metrics_key(request, self.services.settings)
        state = await read_gauges(self.services)
        body = await asyncio.to_thread(self.services.metrics.render, state)
        return Response(body, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})

"""/metrics, for Prometheus."""

from __future__ import annotations

import asyncio

from quart import Blueprint, Response

from server.http.openapi import documents
from server.http.policy import scope_needed, unlimited
from server.metrics import CONTENT_TYPE
from server.services import Services
from server.status.gauges import read_gauges


def blueprint(services: Services) -> Blueprint:
    """The route of the metrics; it must answer when much is going on."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    @unlimited
    @scope_needed("metrics")
    @documents("health", text={"text/plain": "Prometheus' text format, version 0.0.4."})
    async def metrics() -> Response:  # pyright: ignore[reportUnusedFunction]
        """What operators count, in Prometheus' text format."""
        gauges = await read_gauges(services.settings, services.health, services.limits, services.budget)
        body = await asyncio.to_thread(services.metrics.render, gauges)
        return Response(body, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})

    return routes

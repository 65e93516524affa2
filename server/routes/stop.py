"""Stopping an answer on its way."""

from __future__ import annotations

from quart import Blueprint, Response

from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.policy import limited
from server.schemas.book_api import StoppedAnswer
from server.services import Services
from shared.errors import RequestError


def blueprint(services: Services) -> Blueprint:
    """The route of a widget's stop button."""
    stopping = Blueprint("stop", __name__)

    @stopping.post("/chat/<message_id>/stop")
    @limited("lookup")
    @documents("chat", answer=StoppedAnswer)
    async def stop(message_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """End an answer on its way: its stream ends with what was said so far and `done`, and the model writes no more."""
        if not await services.running.stop(message_id):
            message = "That answer is not on its way: it is over, or there was none."
            raise RequestError("answer_not_running", message, status=404)
        return json_response(StoppedAnswer(message_id=message_id), Cache_Control="no-store")

    return stopping

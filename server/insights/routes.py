"""`GET /insights`: what the book is missing, for its author."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import get_args

from pydantic import BaseModel, Field
from quart import Blueprint, Response, request

from server.http.bodies import read_number
from server.http.openapi import documents
from server.http.policy import limited, scope_needed
from server.insights.document import HEADERS
from server.insights.renderings import Format
from server.insights.report import MOST_KEPT, write_report
from server.services import Services
from shared.errors import RequestError

DAYS, MOST_DAYS = 30, 3650
_TYPES: dict[Format, str] = {"html": "text/html", "markdown": "text/markdown", "csv": "text/csv"}
_FORMS = {
    "text/html": "A page with plots: what a browser is sent.",
    "text/markdown": "The same for an issue or a mail.",
    "text/csv": "The same for a spreadsheet.",
}


class InsightsParameters(BaseModel):
    """Of which time, and in which form."""

    days: int = Field(default=DAYS, ge=1, le=MOST_DAYS, description="How far back.")
    format: Format = Field(default="html", description="Unless said, as `Accept` prefers.")


def blueprint(services: Services) -> Blueprint:
    """The route of the questions that were kept."""
    routes = Blueprint("insights", __name__)

    @routes.get("/insights")
    @limited("lookup")
    @scope_needed("history")
    @documents("insights", query=InsightsParameters, text=_FORMS)
    async def insights() -> Response:  # pyright: ignore[reportUnusedFunction]
        """What was asked, what the book did not answer, and what readers thought of the answers that cite a section."""
        days = read_number(request.args, "days", DAYS, least=1, most=MOST_DAYS)
        form = _format()
        if services.conversations.address is None or not services.settings.keep_questions:
            raise RequestError("questions_not_kept", "No questions are kept here: KEEP_QUESTIONS says so.", status=404)
        store = await services.conversations.open_store()
        questions = await store.questions(datetime.now(UTC) - timedelta(days=days), MOST_KEPT)
        text = await asyncio.to_thread(write_report, questions, form)
        return Response(text, headers=HEADERS, content_type=f"{_TYPES[form]}; charset=utf-8")

    return routes


def _format() -> Format:
    given = request.args.get("format")
    if given is None:
        wanted = request.accept_mimetypes.best_match(list(_TYPES.values()), default="text/html")
        return next(name for name, kind in _TYPES.items() if kind == wanted)
    for name in get_args(Format):
        if name == given:
            return name
    raise RequestError("invalid_field", "'format' must be html, markdown or csv.")

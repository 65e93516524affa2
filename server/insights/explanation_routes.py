"""`GET /why`: why an answer says what it says, for whoever runs the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import BaseModel, Field
from quart import Blueprint, Response, g, request

from server.answering.events import AnswerIds
from server.answering.progress import AnswerProgress
from server.conversations.followed import FollowedAnswer
from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.policy import limited, scope_needed
from server.http.requests import read_chat
from server.insights.document import HEADERS
from server.insights.explanation import Explanation, FollowedList, as_line, explain
from server.insights.explanation_page import explanation_page, list_page
from server.routes.search import SEARCH_TIMEOUT_S
from server.services import Services
from shared.errors import RequestError
from shared.tracing import time_steps

_PAGE = {"text/html": "The same as a page: what a browser is sent."}


class WhyParameters(BaseModel):
    """What to search for as before an answer."""

    q: str = Field(description="The question.")
    page_url: str = Field(default="", description="The page it is asked on.")


def blueprint(services: Services) -> Blueprint:
    """The routes of the answers that are followed."""
    routes = Blueprint("why", __name__)

    @routes.get("/why")
    @limited("lookup")
    @scope_needed("history")
    @documents("insights", answer=FollowedList, text=_PAGE)
    async def answers() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The last answers of this process, newest first; EXPLAIN_ANSWERS says how many."""
        lines = FollowedList(answers=tuple(map(as_line, services.followed.latest())))
        return _respond(lines, lambda: list_page(lines.answers))

    @routes.get("/why/<answer_id>")
    @limited("lookup")
    @scope_needed("history")
    @documents("insights", answer=Explanation, text=_PAGE)
    async def why(answer_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Why one of them says what it says, by its `message_id` or by the `request_id` of its log line."""
        followed = services.followed.find(answer_id)
        if followed is None:
            message = "No answer of that id is among the last ones of this process."
            raise RequestError("answer_not_followed", message, status=404)
        explanation = explain(followed)
        return _respond(explanation, lambda: explanation_page(explanation))

    @routes.get("/search/why")
    @limited("lookup")
    @scope_needed("history")
    @documents("insights", answer=Explanation, query=WhyParameters, text=_PAGE)
    async def search() -> Response:  # pyright: ignore[reportUnusedFunction]
        """What an answer to `q` would be made of now: searched for as before an answer, but no model is asked."""
        asked = {"question": request.args.get("q", ""), "page_url": request.args.get("page_url") or None}
        chat = read_chat(asked, session_header=None)
        answer = AnswerProgress(AnswerIds(session_id="", message_id="", request_id=g.request_id))
        followed = FollowedAnswer(datetime.now(UTC), services.book, chat, answer, time_steps())
        async with asyncio.timeout(SEARCH_TIMEOUT_S):
            answer.retrieved(await services.finder.retrieve(chat))
        explanation = explain(followed)
        return _respond(explanation, lambda: explanation_page(explanation))

    return routes


def _respond(value: BaseModel, page: Callable[[], str]) -> Response:
    kind = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    if kind == "application/json":
        return json_response(value, Cache_Control="no-store")
    return Response(page(), headers=HEADERS, content_type="text/html; charset=utf-8")

"""Questions: /chat and its older names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from quart import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from server.answering.events import AnswerIds
from server.answering.progress import AnswerProgress, Cause
from server.answering.resume import Recording
from server.http import names
from server.http.auth import refuse_foreign_page
from server.http.bodies import read_body
from server.http.negotiation import is_first_widget, json_lines_wanted, wants_stream
from server.http.openapi import documents
from server.http.policy import limited
from server.http.problem_responses import respond_to
from server.http.requests import read_chat, read_json
from server.problems import ProblemDetails, problem_of
from server.routes.answers import SESSION_HEADER, STREAM_HEADERS, Asked, respond
from server.schemas.book_api import ChatBody, JsonAnswer, Question, SelectionBody
from server.services import Services
from server.wire import native
from server.wire.ai_chat_protocol import JsonLines
from server.wire.dialect import Dialect
from server.wire.text_stream import TextStream
from shared.errors import RequestError

_STREAM = {
    "text/event-stream": "JSON objects with `type`: start, sources, chunk (text in `content`), error, done. "
    "With `stream` true or `Accept: text/event-stream`; on `/chat` itself also when nothing is said (CHAT_DEFAULT)."
}


def blueprint(services: Services) -> Blueprint:
    """The routes a reader's widget talks to."""
    chat = Blueprint("chat", __name__)

    @chat.post("/chat")
    @limited("question")
    @documents("chat", body=ChatBody, answer=JsonAnswer, text=_STREAM, aliases=names.CHAT)
    async def ask() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer a question from the book.

        A `text/event-stream` of JSON events, or one JSON object with `"stream": false` or `Accept: application/json`.
        """
        asked = await _read(selection_required=False)
        return await respond(services, asked, dialect=_dialect(asked.body))

    @chat.get("/chat")
    @limited("question")
    @documents("chat", query=Question, text=_STREAM, nothing="With `Last-Event-ID`: nothing follows that event.")
    async def ask_by_address() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer the question in the address, as a browser's plain `EventSource` reads it.

        It asks again when the answer is over: that is answered with 204, which ends it.
        """
        refuse_foreign_page(request, services.settings)
        body: dict[str, Any] = dict(request.args.items())
        asked = Asked(read_chat(body, session_header=request.headers.get(SESSION_HEADER)), body, request.query_string, True)
        return await respond(services, asked)

    @chat.post("/chat/selection")
    @limited("question")
    @documents("chat", body=SelectionBody, answer=JsonAnswer, text=_STREAM, aliases=names.CHAT_ABOUT_SELECTION)
    async def ask_about_selection() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer a question about a text selected on a page of the book."""
        asked = await _read(selection_required=True)
        return await respond(services, asked, dialect=_dialect(asked.body))

    @chat.errorhandler(Exception)
    async def fail(error: Exception) -> Response:  # pyright: ignore[reportUnusedFunction]
        """A problem; for the first chatbot's page, which shows nothing of an HTTP error, a stream that says the same."""
        response = await respond_to(error)
        return _as_stream(problem_of(error)) if await _is_asked_by_first_widget() else response

    async def _read(*, selection_required: bool) -> Asked:
        raw = await read_body(request)
        body = read_json(raw)
        session = request.headers.get(SESSION_HEADER)
        return Asked(
            read_chat(body, session_header=session, selection_required=selection_required),
            body,
            raw,
            wants_stream(
                body,
                request.headers.get("Accept", ""),
                path=_path(),
                streams_by_default=services.settings.chat_default == "stream",
            ),
        )

    return chat


def _path() -> str:
    """The address asked, as it was registered."""
    return request.url_rule.rule if request.url_rule else request.path


def _dialect(body: Mapping[str, Any]) -> Dialect | None:
    """What is not native: lines of JSON for those who accept them, and text alone at `/chat/stream`."""
    if wanted := json_lines_wanted(request.headers.get("Accept", "")):
        return JsonLines(wanted)
    return TextStream() if _path().endswith(f"/chat{names.STREAM_SUFFIX}") and not is_first_widget(body) else None


def _as_stream(problem: ProblemDetails) -> Response:
    """A failure as an answer whose text says what is the matter."""
    ids = AnswerIds(session_id=uuid4().hex, message_id=uuid4().hex, request_id=g.get("request_id", ""))
    cause = Cause(problem.code, problem.detail, retryable=problem.retryable)
    dialect = native.NativeStream(Recording(expires_at=0.0))
    response = Response(
        b"".join(dialect.encode(event) for event in AnswerProgress(ids).ending(cause)),
        headers=STREAM_HEADERS,
        content_type=dialect.content_type,
    )
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    return response


async def _is_asked_by_first_widget() -> bool:
    try:
        return request.method == "POST" and is_first_widget(read_json(await read_body(request)))
    except (HTTPException, RequestError):
        return False

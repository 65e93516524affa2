"""What the AI SDK's `useChat` calls: `/api/ui-chat`."""

from __future__ import annotations

from http import HTTPStatus

from quart import Blueprint, Response, request

from server.answering.resume import RecentAnswers
from server.http.auth import limited_client
from server.http.bodies import read_body
from server.http.openapi import documents
from server.http.policy import limited
from server.http.problem_responses import respond_to
from server.http.requests import read_chat, read_json
from server.problems import problem_of
from server.routes.answers import SESSION_HEADER, Asked, event_stream, hold_stream, respond
from server.schemas.clients import UIChatBody
from server.services import Services
from server.wire.ui_message_stream import UIMessageStream

_STREAM = {"text/event-stream": "The parts of a UI message of AI SDK 5 and later, then `[DONE]`."}


def blueprint(services: Services) -> Blueprint:
    """The routes of `DefaultChatTransport`."""
    ui = Blueprint("ui_chat", __name__)

    @ui.post("/api/ui-chat")
    @limited("question")
    @documents("chat", body=UIChatBody, text=_STREAM)
    async def ask_as_ui_message() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer the last of `messages` as a UI message stream; the chat's `id` is the session."""
        raw = await read_body(request)
        body = read_json(raw)
        chat = read_chat({"session_id": body.get("id"), **body}, session_header=request.headers.get(SESSION_HEADER))
        asked, chat_id = Asked(chat, body, raw, is_streamed=True), body.get("id")
        kept_as = _key(services, chat_id) if isinstance(chat_id, str) and chat_id else None
        return await respond(services, asked, dialect=UIMessageStream(), kept_as=kept_as)

    @ui.get("/api/ui-chat/<chat_id>/stream")
    @limited("lookup")
    @documents("chat", text=_STREAM, nothing="No answer to this chat is on its way.")
    async def resume_ui_message(chat_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The answer that is being given to a chat, from its beginning: `useChat` asks for it with `resume: true`.

        It is followed for as long as it is sent to the page that asked: with that connection it ends.
        """
        recording = services.replay.find(_key(services, chat_id))
        if recording is None or recording.is_over_after(recording.next_id):
            return Response(b"", HTTPStatus.NO_CONTENT)
        hold_stream(services)
        return event_stream(services, UIMessageStream(), recording.follow(0))

    @ui.errorhandler(Exception)
    async def fail(error: Exception) -> Response:  # pyright: ignore[reportUnusedFunction]
        """A failure as one sentence: `useChat` makes the whole body its error's message."""
        response = await respond_to(error)
        response.set_data(problem_of(error).detail)
        response.content_type = "text/plain; charset=utf-8"
        return response

    return ui


def _key(services: Services, chat_id: str) -> str:
    """What the answer to a chat is kept as, for the one who asked."""
    return RecentAnswers.key(limited_client(request, services.settings), "a chat", chat_id)

"""Questions: /chat and its older names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from functools import partial
from uuid import uuid4

import structlog
from quart import Blueprint, Response, g, json, request

from server.answering.answer_log import log_answer
from server.answering.events import AnswerIds, ChatEvent
from server.answering.not_read_yet import answer_not_read_yet
from server.answering.pacing import CUT_OFF, pace
from server.answering.progress import AnswerProgress
from server.answering.resume import RecentAnswers, Recording
from server.http.auth import limited_client
from server.http.bodies import read_body
from server.http.openapi import documents
from server.http.policy import limited
from server.http.requests import read_chat, read_json
from server.questions import ChatRequest
from server.routes.schemas import ChatBody, JsonAnswer, SelectionBody
from server.services import Services
from server.status.health import first_reading
from server.wire import json_answer, native
from shared.errors import NotBuiltError, RequestError

SESSION_HEADER = "X-Anonymous-Session-ID"
_STREAM = {
    "text/event-stream": "JSON objects with `type`: start, sources, chunk (text in `content`), error, done. "
    "The default; JSON comes with `stream` false or `Accept: application/json`."
}
RETRIEVE_TIMEOUT_S = 20.0
PROGRESS_TIMEOUT_S = 1.0
"""How long a reader waits to be told how far the reading is."""


def blueprint(services: Services) -> Blueprint:
    """The routes a reader's widget talks to."""
    chat = Blueprint("chat", __name__)

    @chat.post("/api/v1/chat")
    @chat.post("/api/chat")
    @chat.post("/chat")
    @limited("question")
    @documents("chat", body=ChatBody, answer=JsonAnswer, text=_STREAM)
    async def ask() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer a question from the book.

        A `text/event-stream` of JSON events, or one JSON object with `"stream": false` or `Accept: application/json`.
        """
        return await _respond(services, selection_required=False)

    @chat.post("/chat/selection")
    @limited("question")
    @documents("chat", body=SelectionBody, answer=JsonAnswer, text=_STREAM)
    async def ask_about_selection() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer a question about a text selected on a page of the book."""
        return await _respond(services, selection_required=True)

    return chat


async def _respond(services: Services, *, selection_required: bool) -> Response:
    """The answer as a stream or as one object; of a recent stream that broke, the rest."""
    raw = await read_body(request)
    session = request.headers.get(SESSION_HEADER)
    accept = request.headers.get("Accept", "")
    chat = read_chat(read_json(raw), session_header=session, accept=accept, selection_required=selection_required)
    ids = AnswerIds(session_id=chat.session_id or uuid4().hex, message_id=uuid4().hex, request_id=g.request_id)
    replay_key = RecentAnswers.key(limited_client(request, services.settings), request.path, session, raw)
    _hold_stream(services)
    if chat.stream and (rest := _rest_of_recent(services, replay_key)) is not None:
        return _event_stream(services, rest)
    answer = AnswerProgress(ids, mode="selection" if chat.selected_text else "chat")
    close = partial(log_answer, answer, services.budget, services.metrics)
    _when_over(close)  # a response that is never begun ends too
    try:
        events = await _find_and_answer(services, chat, answer)
    except BaseException as exc:
        close(error=exc)
        raise
    paced = pace(events, answer, timing=services.timing, closing=services.drain.closing)
    if chat.stream:
        return _event_stream(services, _frames(paced, answer, services.replay.record(replay_key), close))
    return await _whole(paced, answer, close)


def _rest_of_recent(services: Services, replay_key: str) -> AsyncGenerator[bytes] | None:
    """What came after `Last-Event-ID`; None when that answer is not kept."""
    last_event_id = request.headers.get("Last-Event-ID", "")
    if not (last_event_id.isascii() and last_event_id.isdigit()):
        return None
    recording = services.replay.find(replay_key)
    return recording.follow(int(last_event_id)) if recording else None


def _hold_stream(services: Services) -> None:
    """Take one of the open streams until this request is over."""
    if services.drain.is_draining:
        message = "The service is restarting. Please ask again in a moment."
        raise RequestError("shutting_down", message, status=503, retry_after_s=5.0)
    held = ExitStack()
    held.enter_context(services.limits.stream(limited_client(request, services.settings)))
    _when_over(held.close)


async def _find_and_answer(services: Services, chat: ChatRequest, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
    """The events to come: of an answer, or of one that says that the book has not been read yet."""
    try:
        async with asyncio.timeout(RETRIEVE_TIMEOUT_S):
            passages = await services.finder.retrieve(chat)
    except NotBuiltError:
        answer.retrieved(None)
        return answer_not_read_yet(
            answer.ids, await first_reading(services.health, services.settings, wait_s=PROGRESS_TIMEOUT_S)
        )
    structlog.contextvars.bind_contextvars(build_id=passages.build_id)
    answer.retrieved(passages)
    return services.answerer.generate(chat, passages, answer)


def _when_over(close: Callable[[], None]) -> None:
    """Call `close` when the task of this request ends."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a handler always runs in a task
    task.add_done_callback(lambda _: close())


def _event_stream(services: Services, frames: AsyncGenerator[bytes]) -> Response:
    response = Response(frames, content_type=native.CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    # Quart would cut the stream after RESPONSE_TIMEOUT, in silence. Ours end with `done` at the deadline; this is for a
    # reader who never reads, whose stream waits inside a write and sees no deadline.
    response.timeout = services.timing.deadline_s + services.timing.slow_reader_s
    return response


async def _frames(
    events: AsyncGenerator[ChatEvent | None], answer: AnswerProgress, recording: Recording, close: Callable[[], None]
) -> AsyncGenerator[bytes]:
    """The answer in the native dialect, frame by frame, recorded as it goes."""
    try:
        async with aclosing(events) as paced:
            async for event in paced:
                if event is None:
                    yield native.PING
                    continue
                for frame in _recorded(event, recording):
                    yield frame
    finally:
        for event in () if answer.done else answer.ending(CUT_OFF):
            _recorded(event, recording)
        recording.finish()
        close()


def _recorded(event: ChatEvent, recording: Recording) -> list[bytes]:
    frames: list[bytes] = []
    for part in native.fit(event):
        frames.append(native.encode(part, recording.next_id))
        recording.append(frames[-1])
    return frames


async def _whole(events: AsyncGenerator[ChatEvent | None], answer: AnswerProgress, close: Callable[[], None]) -> Response:
    """The answer as one object, or the problem that ended it: nothing was sent yet, so the status can be honest."""
    try:
        async with aclosing(events) as paced:
            whole = [event async for event in paced if event is not None]
    finally:
        close()
    if (failed := answer.failed) is not None:
        status = 504 if failed.error == "deadline_exceeded" else 503 if failed.retryable else 502
        raise RequestError(failed.error, failed.message, status=status, retry_after_s=5.0 if failed.retryable else None)
    return Response(json.dumps(json_answer.encode(whole)), content_type="application/json")

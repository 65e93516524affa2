"""An answer as a response: found, written, paced, and sent in the form that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import uuid4

import structlog
from quart import Response, g, json, request

from server.answering.answer_cache import KeptAnswer, give_again
from server.answering.answer_log import log_answer
from server.answering.events import AnswerIds, ChatEvent, Sources, Start, TextDelta
from server.answering.not_read_yet import answer_not_read_yet
from server.answering.pacing import CUT_OFF, joined, pace
from server.answering.progress import AnswerProgress
from server.answering.resume import RecentAnswers, Recording
from server.http.auth import limited_client
from server.http.negotiation import is_first_widget
from server.questions import ChatRequest
from server.services import Services
from server.status.health import first_reading
from server.status.probes import live_build
from server.wire import json_answer, native
from server.wire.dialect import Dialect, Recorded
from shared import tracing
from shared.errors import NotBuiltError, RequestError

SESSION_HEADER = "X-Anonymous-Session-ID"
STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
CACHE_HIT = {"Cache-Status": "lectern; hit"}
"""Of an answer that is given again (RFC 9211), in whatever dialect: that of bare text has no other place for it."""
MAX_EVENT_ID_DIGITS = 9
RETRIEVE_TIMEOUT_S = 20.0
PROGRESS_TIMEOUT_S = 1.0
"""How long a reader waits to be told how far the reading is."""


class Asked(NamedTuple):
    """A question as it came."""

    chat: ChatRequest
    body: Mapping[str, Any]
    raw: bytes
    """What tells it from others, to take a broken stream up again."""
    is_streamed: bool


WholeAnswer = Callable[[Sequence[ChatEvent], AnswerProgress], Mapping[str, Any]]
"""Makes one JSON object of an answer's events."""


def json_object(events: Sequence[ChatEvent], _answer: AnswerProgress) -> Mapping[str, Any]:
    """The answer under every name that front ends read it by."""
    return json_answer.encode(events, at=datetime.now(UTC))


async def respond(
    services: Services,
    asked: Asked,
    *,
    dialect: Dialect | None = None,
    whole: WholeAnswer = json_object,
    kept_as: str | None = None,
) -> Response:
    """The answer as a stream or as one object; of a recent stream that broke, the rest.

    `dialect`: how a stream looks; None: native, the one that can be taken up again. `whole`: how the one object looks.
    `kept_as`: what a stream in another dialect can be followed by while it is on its way.
    """
    chat, session = asked.chat, request.headers.get(SESSION_HEADER)
    replay_key = RecentAnswers.key(limited_client(request, services.settings), request.path, session, asked.raw)
    if asked.is_streamed and dialect is None and (missed := await _missed(services, replay_key)) is not None:
        return missed
    hold_stream(services)
    recalled = await services.conversations.recall(chat)
    chat = recalled.request
    ids = AnswerIds(
        session_id=chat.session_id or recalled.conversation_id or uuid4().hex,
        message_id=uuid4().hex,
        request_id=g.request_id,
        conversation_id=recalled.conversation_id,
        history=recalled.history,
    )
    answer = AnswerProgress(ids, mode="selection" if chat.selected_text else "chat")
    close = partial(log_answer, answer, services.budget, services.metrics)
    remember = partial(services.conversations.remember, recalled, answer)

    def when_done() -> None:
        remember()
        services.answer_cache.keep(chat, answer)

    services.followed.follow(chat, answer, services.book)
    answer.when_done, answer.settle = when_done, services.conversations.settle
    _when_over(remember)
    _when_over(close)  # a response that is never begun ends too
    try:
        events = await _find_and_answer(services, chat, answer)
    except BaseException as exc:
        close(error=exc)
        raise
    paced = pace(events, answer, timing=services.timing, closing=services.drain.closing, running=services.running)
    if asked.is_streamed:
        recording = None
        if dialect is None:
            recording = services.replay.record(replay_key)
            dialect = native.NativeStream(recording, says_final=is_first_widget(asked.body))
        elif kept_as:
            recording = services.replay.record(kept_as)
            dialect = Recorded(dialect, recording)
        response = event_stream(services, dialect, _frames(paced, answer, dialect, close, recording))
    else:
        response = await _whole(paced, answer, close, whole)
    if answer.is_cached:
        response.headers.update(CACHE_HIT)
    return response


async def _missed(services: Services, replay_key: str) -> Response | None:
    """What came after `Last-Event-ID`; None when that answer is not kept.

    A browser's `EventSource` comes back after every end: where nothing was missed, and where nobody knows what was, 204 tells
    it to stay away.
    """
    last_event_id = request.headers.get("Last-Event-ID", "")
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= MAX_EVENT_ID_DIGITS):
        return None
    seen = int(last_event_id)
    recording = services.replay.find(replay_key) or await services.replay.fetch(replay_key, partial(_cut_off, seen))
    is_event_source = request.method == "GET"
    if is_event_source and (recording is None or recording.is_over_after(seen)):
        return Response(b"", HTTPStatus.NO_CONTENT)
    if recording is None:
        return None
    hold_stream(services)
    return event_stream(services, native.NativeStream(recording), recording.follow(seen))


def _cut_off(seen: int, recording: Recording) -> None:
    """End an answer of another replica, which is gone; after event id `seen`, the last one its reader has."""
    while recording.next_id <= seen:
        recording.append(b"")
    ids = AnswerIds(session_id=uuid4().hex, message_id=uuid4().hex, request_id="")
    answer, dialect = AnswerProgress(ids), native.NativeStream(recording)
    answer.note_all([Start(session_id="", message_id="", metadata={}), Sources(sources=()), TextDelta("")])  # they were told
    for event in answer.ending(CUT_OFF):
        dialect.encode(event)


def hold_stream(services: Services) -> None:
    """Take one of the open streams until this request is over."""
    if services.drain.is_draining:
        message = "The service is restarting. Please ask again in a moment."
        raise RequestError("shutting_down", message, status=503, retry_after_s=5.0)
    held = ExitStack()
    held.enter_context(services.limits.stream(limited_client(request, services.settings)))
    _when_over(held.close)


async def _find_and_answer(services: Services, chat: ChatRequest, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
    """The events to come: of an answer, kept or new, or of one that says that the book has not been read yet."""
    if (kept := await _kept(services, chat)) is not None:
        structlog.contextvars.bind_contextvars(build_id=kept.passages.build_id)
        return give_again(kept, chat, answer)
    try:
        with tracing.span("retrieve"):
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


async def _kept(services: Services, chat: ChatRequest) -> KeptAnswer | None:
    if services.answer_cache.is_off or (build := await live_build(services.health.build)) is None:
        return None
    kept = await services.answer_cache.find(chat, build.id)
    services.metrics.answer_cache.labels("hit" if kept else "miss").inc()
    return kept


def _when_over(close: Callable[[], None]) -> None:
    """Call `close` when the task of this request ends."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a handler always runs in a task
    task.add_done_callback(lambda _: close())


def event_stream(services: Services, dialect: Dialect, frames: AsyncGenerator[bytes]) -> Response:
    """The response whose body these frames of the dialect are."""
    response = Response(frames, headers={**STREAM_HEADERS, **dialect.headers}, content_type=dialect.content_type)
    # Quart would cut the stream after RESPONSE_TIMEOUT, in silence. Ours end with `done` at the deadline; this is for a
    # reader who never reads, whose stream waits inside a write and sees no deadline.
    response.timeout = services.timing.deadline_s + services.timing.slow_reader_s
    return response


async def _frames(
    events: AsyncGenerator[Sequence[ChatEvent]],
    answer: AnswerProgress,
    dialect: Dialect,
    close: Callable[[], None],
    recording: Recording | None = None,
) -> AsyncGenerator[bytes]:
    """The answer in its dialect: what is ready together in one write, of whole frames. What is recorded goes on to its end."""
    try:
        async with aclosing(events) as paced:
            async for ready in paced:
                frames = [dialect.encode(part) for event in ready for part in _in_pieces(event)]
                for write in joined(frames if ready else [dialect.ping]):
                    yield write
    finally:
        if recording is not None:
            for event in () if answer.done else answer.ending(CUT_OFF):
                dialect.encode(event)
            recording.finish()
        close()


def _in_pieces(event: ChatEvent) -> Sequence[ChatEvent]:
    """A long text as several, so that no frame of any dialect is larger than one network read."""
    return native.fit(event) if isinstance(event, TextDelta) else (event,)


async def _whole(
    events: AsyncGenerator[Sequence[ChatEvent]], answer: AnswerProgress, close: Callable[[], None], whole: WholeAnswer
) -> Response:
    """The answer as one object, or the problem that ended it: nothing was sent yet, so the status can be honest."""
    try:
        async with aclosing(events) as paced:
            every = [event async for ready in paced for event in ready]
    finally:
        close()
    if (failed := answer.failed) is not None:
        status = 504 if failed.error == "deadline_exceeded" else 503 if failed.retryable else 502
        raise RequestError(failed.error, failed.message, status=status, retry_after_s=5.0 if failed.retryable else None)
    return Response(json.dumps(whole(every, answer)), content_type="application/json")

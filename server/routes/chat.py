"""Questions: /chat and its older names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from uuid import uuid4

import structlog
from quart import Blueprint, Response, g, json, request

from server.answering.answer_log import AnswerLog
from server.answering.events import AnswerIds, ChatEvent, Failed
from server.answering.not_read_yet import answer_not_read_yet
from server.answering.pacing import CUT_OFF, Told, pace
from server.answering.resume import RecentAnswers, Recording
from server.finding.passages import Passages
from server.http.auth import limited_client
from server.http.bodies import read_body
from server.http.openapi import documents
from server.http.requests import read_chat, read_json
from server.http.schemas import ChatBody, JsonAnswer, SelectionBody
from server.questions import ChatRequest
from server.services import Services
from server.wire import json_answer as answer
from server.wire import native
from shared.errors import LecternError, NotBuiltError, RequestError
from shared.models import Progress

CHAT_PATHS = ("/chat", "/api/chat", "/api/v1/chat")
SESSION_HEADER = "X-Anonymous-Session-ID"
_STREAM = {
    "text/event-stream": "JSON objects with `type`: start, sources, chunk (text in `content`), error, done. "
    "The default; JSON comes with `stream` false or `Accept: application/json`."
}
RETRIEVE_TIMEOUT_S = 20.0
PROGRESS_TIMEOUT_S = 1.0
"""How long a reader waits to hear how far the reading is."""


def blueprint(services: Services) -> Blueprint:
    """The routes a reader's widget talks to."""
    routes = ChatRoutes(services)
    chat = Blueprint("chat", __name__)
    for number, path in enumerate(CHAT_PATHS):
        chat.add_url_rule(path, f"chat{number or ''}", routes.chat, methods=["POST"])
    chat.add_url_rule("/chat/selection", "selection", routes.selection, methods=["POST"])
    return chat


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question on its way to an answer."""

    chat: ChatRequest
    ids: AnswerIds
    replay_key: str


@dataclass(frozen=True, slots=True)
class ChatRoutes:
    """Handlers of questions."""

    services: Services

    @documents("chat", body=ChatBody, answer=JsonAnswer, text=_STREAM)
    async def chat(self) -> Response:
        """Answer a question from the book.

        A `text/event-stream` of JSON events, or one JSON object with `"stream": false` or `Accept: application/json`.
        """
        return await self._answer(selection_required=False)

    @documents("chat", body=SelectionBody, answer=JsonAnswer, text=_STREAM)
    async def selection(self) -> Response:
        """Answer a question about a text selected on a page of the book."""
        return await self._answer(selection_required=True)

    async def _answer(self, *, selection_required: bool) -> Response:
        asked = await self._read(selection_required=selection_required)
        self._hold_stream()
        if asked.chat.stream and (taken_up := self._take_up(asked.replay_key)) is not None:
            return self._event_stream(taken_up)
        ledger = self._open_ledger(asked.chat)
        passages = await self._retrieve(asked.chat, ledger)
        answer = await self._events(asked, passages, ledger)
        events = pace(answer, ids=asked.ids, timing=self.services.timing, closing=self.services.drain.closing)
        if asked.chat.stream:
            recording = self.services.replay.record(asked.replay_key)
            return self._event_stream(_frames(events, asked.ids, recording, ledger))
        return await _json_answer(events, ledger)

    async def _read(self, *, selection_required: bool) -> _Asked:
        raw = await read_body(request)
        session = request.headers.get(SESSION_HEADER)
        chat = read_chat(
            read_json(raw),
            session_header=session,
            accept=request.headers.get("Accept", ""),
            selection_required=selection_required,
        )
        client = limited_client(request, self.services.settings)
        return _Asked(
            chat=chat,
            ids=AnswerIds(session_id=chat.session_id or uuid4().hex, message_id=uuid4().hex, request_id=g.request_id),
            replay_key=RecentAnswers.key(client, request.path, session, raw),
        )

    def _hold_stream(self) -> None:
        """Take one of the open streams until this request is over."""
        if self.services.drain.is_draining:
            message = "The service is restarting. Please ask again in a moment."
            raise RequestError("shutting_down", message, status=503, retry_after_s=5.0)
        held = ExitStack()
        held.enter_context(self.services.limits.stream(limited_client(request, self.services.settings)))
        _when_over(held.close)

    def _open_ledger(self, chat: ChatRequest) -> AnswerLog:
        """Closed when the answer is over, or with the request when no answer ever began."""
        mode = "selection" if chat.selected_text else "chat"
        ledger = AnswerLog(self.services.budget, self.services.metrics, mode=mode)
        _when_over(ledger.close)
        return ledger

    def _take_up(self, replay_key: str) -> AsyncGenerator[bytes] | None:
        last_event_id = request.headers.get("Last-Event-ID", "")
        if not (last_event_id.isascii() and last_event_id.isdigit()):
            return None
        recording = self.services.replay.find(replay_key)
        return recording.follow(int(last_event_id)) if recording else None

    async def _retrieve(self, chat: ChatRequest, ledger: AnswerLog) -> Passages | None:
        """The passages; None when the book has not been read yet."""
        try:
            async with asyncio.timeout(RETRIEVE_TIMEOUT_S):
                passages = await self.services.finder.retrieve(chat)
            structlog.contextvars.bind_contextvars(build_id=passages.build_id)
        except NotBuiltError:
            passages = None
        except BaseException as exc:
            ledger.fail(exc)
            raise
        ledger.retrieved(passages)
        return passages

    async def _events(self, asked: _Asked, passages: Passages | None, ledger: AnswerLog) -> AsyncGenerator[ChatEvent]:
        if passages is None:
            return answer_not_read_yet(asked.ids, await self._progress())
        return self.services.answerer.generate(asked.chat, passages, asked.ids, on_left=ledger.pay)

    async def _progress(self) -> Progress | None:
        try:
            async with asyncio.timeout(PROGRESS_TIMEOUT_S):
                run = await self.services.prefect.latest()
                return (await self.services.prefect.findings(run.id)).progress if run else None
        except (LecternError, TimeoutError):
            return None

    def _event_stream(self, frames: AsyncGenerator[bytes]) -> Response:
        response = Response(frames, content_type=native.CONTENT_TYPE)
        response.headers["Cache-Control"] = "no-cache, no-transform"
        response.headers["X-Accel-Buffering"] = "no"
        # Quart would cut the stream after RESPONSE_TIMEOUT, in silence. Ours end with `done` at the deadline; this is for a
        # reader who never reads, whose stream waits inside a write and sees no deadline.
        response.timeout = self.services.timing.deadline_s + self.services.timing.slow_reader_s
        return response


def _when_over(close: Callable[[], None]) -> None:
    """Call `close` when the task of this request ends: a response that is never begun ends too."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a handler always runs in a task
    task.add_done_callback(lambda _: close())


async def _frames(
    events: AsyncGenerator[ChatEvent | None], ids: AnswerIds, recording: Recording, ledger: AnswerLog
) -> AsyncGenerator[bytes]:
    """The answer in the native dialect, frame by frame, recorded as it goes."""
    told = Told(ids)
    try:
        async with aclosing(events) as paced:
            async for event in paced:
                if event is None:
                    yield native.PING
                    continue
                told.take(event)
                ledger.see(event)
                for frame in _recorded(event, recording):
                    yield frame
    finally:
        for event in () if told.is_done else told.ending(*CUT_OFF):
            _recorded(event, recording)
        recording.finish()
        ledger.close()


def _recorded(event: ChatEvent, recording: Recording) -> list[bytes]:
    frames: list[bytes] = []
    for part in native.fit(event):
        frames.append(native.encode(part, recording.next_id))
        recording.append(frames[-1])
    return frames


async def _json_answer(events: AsyncGenerator[ChatEvent | None], ledger: AnswerLog) -> Response:
    """The answer as one object, or the problem that ended it: nothing was sent yet, so the status can be honest."""
    heard: list[ChatEvent] = []
    try:
        async with aclosing(events) as paced:
            async for event in paced:
                if event is not None:
                    ledger.see(event)
                    heard.append(event)
    finally:
        ledger.close()
    failed = next((event for event in heard if isinstance(event, Failed)), None)
    if failed is not None:
        status = 504 if failed.error == "deadline_exceeded" else 503 if failed.retryable else 502
        raise RequestError(failed.error, failed.message, status=status, retry_after_s=5.0 if failed.retryable else None)
    return Response(json.dumps(answer.encode(heard)), content_type="application/json")

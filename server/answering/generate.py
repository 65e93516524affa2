"""The use case: a question and its passages in, the events of an answer out. Knows no HTTP and no vendor.

    Start, Sources, TextDelta*, Done            the model answered (or the quoting one, `degraded`, when it could not begin)
    Start, Sources, TextDelta+, Failed, Done    the model broke off in the middle

What was said is never taken back and never said twice: after the first word there is no other try and no other model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass

import structlog

from server.answering.events import AnswerIds, ChatEvent, Done, Failed, Sources, Start, TextDelta, Usage, cite
from server.answering.progress import AnswerProgress
from server.answering.small_talk import reply_to
from server.finding.passages import Passages
from server.models.chat_model import Accepted, ChatModel, Finished, Output
from server.questions import ChatRequest
from shared.errors import ServiceError

log = structlog.get_logger(__name__)

DEADLINE_S = 110.0
"""From the question to the end of the answer: within the 120 s a stream is allowed, so that it can still end properly."""

_READABLE = {
    "deadline_exceeded": "The answer took too long and was cut off. Please ask again.",
    "content_filtered": "The rest of the answer was withheld by the model's content filter.",
}
_UNAVAILABLE = "The connection to the model broke, so this answer is incomplete. Please ask again."


def _ignore(_: Usage) -> None:
    """For those who keep no accounts."""


@dataclass(frozen=True, slots=True)
class AnswerGenerator:
    """Answers with a chat model, and with quotations where that is out of reach or out of money."""

    model: ChatModel
    fallback: ChatModel
    """Must not fail."""
    may_spend: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(enter_result=True)
    """Entered while an answer is written: whether the day's budget allows one from `model`."""

    async def generate(
        self, request: ChatRequest, passages: Passages, ids: AnswerIds, *, on_left: Callable[[Usage], None] = _ignore
    ) -> AsyncGenerator[ChatEvent]:
        """The events of one answer. `on_left`: told what it cost when the reader left before `Done`."""
        with self.may_spend() as may_spend:
            model = self.model if may_spend else None
            events = generate(request, passages, model=model, fallback=self.fallback, ids=ids, on_left=on_left)
            async with aclosing(events):
                async for event in events:
                    yield event


async def generate(
    request: ChatRequest,
    passages: Passages,
    *,
    model: ChatModel | None,
    fallback: ChatModel,
    ids: AnswerIds,
    clock: Callable[[], float] = time.monotonic,
    deadline_s: float = DEADLINE_S,
    on_left: Callable[[Usage], None] = _ignore,
) -> AsyncGenerator[ChatEvent]:
    """The events of one answer: exactly one `Done`, always last. `model` None: there is no budget left for it.

    Closing it closes the request upstream. Of what a model raises only `ServiceError` is handled: the rest are faults of ours.
    """
    if request.selected_text is None and (reply := reply_to(request.question)):
        for event in _small_talk(reply, ids):
            yield event
        return
    telling = AnswerProgress(passages, clock=clock, deadline_s=deadline_s)
    asked = model if model is not None and passages.passages else fallback
    yield _start(request, passages, ids, asked)
    yield Sources(sources=tuple(cite(passage) for passage in passages.passages))
    done = None
    try:
        failure: ServiceError | None = None
        async with aclosing(_speak(telling, asked, fallback, request, passages)) as said:
            async for item in said:
                if isinstance(item, ServiceError):
                    failure = item
                    yield _failed(item, ids)
                elif item:
                    yield TextDelta(content=item)
        degraded = model is None or telling.model != asked.name
        done = telling.done(ids.session_id, ids.message_id, degraded=degraded, failed=failure is not None)
        yield done
    finally:
        if done is None and (usage := telling.usage()) is not None:
            on_left(usage)


async def _speak(
    telling: AnswerProgress, model: ChatModel, fallback: ChatModel, request: ChatRequest, passages: Passages
) -> AsyncGenerator[str | ServiceError]:
    """Text the reader may see; last of all the error, when the model broke off after it had said something."""
    try:
        async with aclosing(_tell(telling, model, request, passages)) as texts:
            async for text in texts:
                yield text
        return
    except ServiceError as exc:
        log.warning("the chat model failed", model=model.name, code=exc.code, reason=str(exc), said=telling.has_said)
        failure = exc
    if telling.has_said:
        yield telling.finish()
        yield failure
        return
    async with aclosing(_tell(telling, fallback, request, passages)) as texts:
        async for text in texts:
            yield text


async def _tell(telling: AnswerProgress, model: ChatModel, request: ChatRequest, passages: Passages) -> AsyncGenerator[str]:
    """One model's answer. Raises `ServiceError`, also when it is late, empty or withheld."""
    telling.begin(model.name)
    async with aclosing(model.answer(request, passages)) as outputs:
        while (output := await _next(outputs, telling.left_s)) is not None:
            match output:
                case Accepted():
                    telling.accept(output)
                case str():
                    yield telling.hear(output)
                case Finished():
                    yield telling.finish(output)
                    _check(output, telling)


async def _next(outputs: AsyncGenerator[Output], left_s: float) -> Output | None:
    """The next output, or None at the end. The deadline is set around each wait: none may hold across a `yield`."""
    try:
        async with asyncio.timeout(left_s):
            return await anext(outputs, None)
    except TimeoutError as exc:
        raise ServiceError("openai", "The answer was not complete in time.", transient=True, code="deadline_exceeded") from exc


def _check(finished: Finished, telling: AnswerProgress) -> None:
    if finished.reason == "content_filter":
        raise ServiceError("openai", "The model withheld its answer.", transient=False, code="content_filtered")
    if not telling.has_said:
        raise ServiceError("openai", "The model finished without a word.", transient=True, code="empty")


def _start(request: ChatRequest, passages: Passages, ids: AnswerIds, model: ChatModel) -> Start:
    metadata = {
        "mode": "selection" if request.selected_text else "chat",
        "retrieved_chunks": len(passages.passages),
        "model": model.name,
        "query": passages.query,
        "build": passages.build_id,
    }
    return Start(session_id=ids.session_id, message_id=ids.message_id, metadata=metadata)


def _failed(error: ServiceError, ids: AnswerIds) -> Failed:
    code = error.code if error.code in _READABLE else "upstream_unavailable"
    message = _READABLE.get(code, _UNAVAILABLE)
    return Failed(error=code, message=message, retryable=code != "content_filtered", request_id=ids.request_id)


def _small_talk(reply: str, ids: AnswerIds) -> Iterator[ChatEvent]:
    metadata = {"mode": "small_talk", "retrieved_chunks": 0}
    yield Start(session_id=ids.session_id, message_id=ids.message_id, metadata=metadata)
    yield Sources(sources=())
    yield TextDelta(content=reply)
    yield Done(session_id=ids.session_id, message_id=ids.message_id, finish_reason="stop", abstained=False, metadata=metadata)

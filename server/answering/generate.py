"""The use case: a question and its passages in, the events of an answer out. Knows no HTTP and no vendor.

    Start, Sources, TextDelta*, Done            the model answered (or the quoting one, `degraded`, when it could not begin)
    Start, Sources, TextDelta+, Failed, Done    the model broke off in the middle

What was said is never taken back and never said twice: after the first word there is no other try and no other model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass

import structlog

from server.answering.events import AnswerIds, ChatEvent, Failed, Sources, Start, TextDelta, cite, whole_answer
from server.answering.progress import AnswerProgress
from server.answering.small_talk import reply_to
from server.finding.passages import Passages
from server.models.chat_model import Accepted, ChatModel, Finished, QuotingModel
from server.questions import ChatRequest
from shared.errors import ServiceError

log = structlog.get_logger(__name__)

_WITHHELD = "The rest of the answer was withheld by the model's content filter."
_UNAVAILABLE = "The connection to the model broke, so this answer is incomplete. Please ask again."


@dataclass(frozen=True, slots=True)
class AnswerGenerator:
    """Answers with a chat model, and with quotations where that is out of reach or out of money."""

    model: ChatModel
    fallback: QuotingModel
    """Must not fail."""
    may_spend: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(enter_result=True)
    """Entered while an answer is written: whether the day's budget allows one from `model`."""

    async def generate(self, request: ChatRequest, passages: Passages, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
        """The events of one answer."""
        with self.may_spend() as may_spend:
            events = generate(request, passages, answer, model=self.model if may_spend else None, fallback=self.fallback)
            async with aclosing(events):
                async for event in events:
                    yield event


async def generate(
    request: ChatRequest, passages: Passages, answer: AnswerProgress, *, model: ChatModel | None, fallback: QuotingModel
) -> AsyncGenerator[ChatEvent]:
    """The events of one answer: exactly one `Done`, always last. `model` None: there is no budget left for it.

    Closing it closes the request upstream; what that cost stands in `answer`. How long it may take is `pacing.py`'s to say.
    Of what a model raises only `ServiceError` is handled: the rest are faults of ours.
    """
    if request.selected_text is None and (reply := reply_to(request.question)):
        for event in whole_answer(answer.ids, reply, mode="small_talk"):
            yield event
        return
    asked = model if model is not None and passages.passages else fallback
    if asked is fallback:
        passages = await asyncio.to_thread(fallback.arrange, request, passages)
    metadata = {
        "mode": "selection" if request.selected_text else "chat",
        "retrieved_chunks": len(passages.passages),
        "model": asked.name,
        "query": passages.query,
        "answerable": passages.answerable,
        "support": round(passages.support, 2),
        "build": passages.build_id,
    } | answer.ids.metadata
    if answer.is_cached:
        metadata["cached"] = True
    yield Start(session_id=answer.ids.session_id, message_id=answer.ids.message_id, metadata=metadata)
    yield Sources(sources=tuple(cite(passage) for passage in passages.passages))
    failure: ServiceError | None = None
    try:
        async with aclosing(_texts(answer, asked, request, passages)) as texts:
            async for text in texts:
                yield TextDelta(text)
    except ServiceError as exc:
        log.warning("the chat model failed", model=asked.name, code=exc.code, reason=str(exc), said=answer.has_text)
        failure = exc
    if failure is not None and answer.has_text:
        if text := answer.finish():
            yield TextDelta(text)
        yield _failed(failure, answer.ids)
        yield answer.make_done(degraded=model is None, is_broken=True)
        return
    if failure is not None:
        async with aclosing(_texts(answer, fallback, request, passages)) as texts:
            async for text in texts:
                yield TextDelta(text)
    reason = "budget" if model is None else "model" if failure is not None else None
    yield answer.make_done(degraded=reason is not None, reason=reason)


async def _texts(answer: AnswerProgress, model: ChatModel, request: ChatRequest, passages: Passages) -> AsyncGenerator[str]:
    """One model's answer, as much of it as a reader may see. Raises `ServiceError`, also when it is empty or withheld."""
    answer.begin(model.name, passages)
    async with aclosing(model.answer(request, passages)) as outputs:
        async for output in outputs:
            match output:
                case str():
                    if text := answer.read(output):
                        yield text
                case Accepted():
                    answer.accept(output)
                case Finished():
                    if text := answer.finish(output):
                        yield text
                    if output.reason == "content_filter":
                        message = "The model withheld its answer."
                        raise ServiceError("openai", message, transient=False, code="content_filtered")
                    if not answer.has_text:
                        raise ServiceError("openai", "The model finished without a word.", transient=True, code="empty")


def _failed(error: ServiceError, ids: AnswerIds) -> Failed:
    if error.code == "content_filtered":
        return Failed(error=error.code, message=_WITHHELD, retryable=False, request_id=ids.request_id)
    return Failed(error="upstream_unavailable", message=_UNAVAILABLE, retryable=True, request_id=ids.request_id)

"""From the events of an answer to a stream that is never silent, never endless and always ends properly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from server.answering.events import AnswerIds, ChatEvent, Done, Failed, Sources, Start, TextDelta
from server.problems import problem_of, report


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a stream may be silent, and how long it may last."""

    heartbeat_s: float = 10.0
    """A reader who left while a second request was pipelined is noticed only at a write."""
    deadline_s: float = 120.0
    """From the first event asked for to the last."""
    slow_reader_s: float = 15.0
    """After the deadline, until a reader who does not read is let go."""


@dataclass(frozen=True, slots=True)
class _End:
    """The generator has ended: on its own, or with an error."""

    error: Exception | None


DEADLINE = ("deadline_exceeded", "The answer took too long and was cut off. Please ask again.")
SHUTTING_DOWN = ("shutting_down", "The service is restarting. Please ask again in a moment.")
CUT_OFF = ("connection_lost", "The connection broke before the answer was complete. Please ask again.")
INCOMPLETE = ("internal_error", "Something went wrong on our side. Please try again.")


async def pace(
    events: AsyncGenerator[ChatEvent], *, ids: AnswerIds, timing: Timing, closing: asyncio.Event
) -> AsyncGenerator[ChatEvent | None]:
    """The events as they come, and None whenever a heartbeat is due; exactly one `Done`, always last.

    The generator runs in one task of its own, one event ahead at most, and is closed as soon as this one is. A failure, the
    deadline and `closing` end the answer with `Failed` and `Done`.
    """
    queue: asyncio.Queue[ChatEvent | _End] = asyncio.Queue(1)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timing.deadline_s
    producer = asyncio.create_task(_produce(events, queue))
    closer = asyncio.create_task(closing.wait())
    getter = asyncio.create_task(queue.get())
    told = Told(ids)
    try:
        while not told.is_done:
            wait_s = max(0.0, min(timing.heartbeat_s, deadline - loop.time()))
            await asyncio.wait({getter, closer}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for event in _next(getter, told, is_closing=closer.done(), is_late=loop.time() >= deadline):
                yield event
            if getter.done():
                getter = asyncio.create_task(queue.get())
    finally:
        for task in (producer, closer, getter):
            task.cancel()
        await asyncio.gather(producer, closer, getter, return_exceptions=True)


async def _produce(events: AsyncGenerator[ChatEvent], queue: asyncio.Queue[ChatEvent | _End]) -> None:
    error: Exception | None = None
    try:
        async with aclosing(events) as stream:
            async for event in stream:
                await queue.put(event)
    except Exception as exc:  # noqa: BLE001  the outermost edge of an answer: whatever broke, the reader gets an ending
        error = exc
    await queue.put(_End(error))


def _next(getter: asyncio.Task[ChatEvent | _End], told: Told, *, is_closing: bool, is_late: bool) -> Sequence[ChatEvent | None]:
    """What to pass on now: an event, an ending, or None for a heartbeat."""
    if is_closing:
        return told.ending(*SHUTTING_DOWN)
    if getter.done():
        return told.take(getter.result())
    if is_late:
        return told.ending(*DEADLINE)
    return [None]


class Told:
    """What a reader has heard of an answer so far, and what an ending still owes them."""

    def __init__(self, ids: AnswerIds) -> None:
        self._ids = ids
        self._heard: set[str] = set()

    @property
    def is_done(self) -> bool:
        """Whether `Done` was sent."""
        return "done" in self._heard

    def take(self, item: ChatEvent | _End) -> list[ChatEvent]:
        """Pass an event on; an end without `Done` becomes one with an error."""
        if not isinstance(item, _End):
            self._heard.add(item.type)
            return [item]
        if item.error is None:
            return self.ending(*INCOMPLETE)
        report(item.error)
        problem = problem_of(item.error)
        return self.ending(problem.code, problem.detail, retryable=problem.retryable)

    def ending(self, code: str, message: str, *, retryable: bool = True) -> list[ChatEvent]:
        """Everything from here to `Done`, with an error; a reader who heard nothing yet gets the message as text too."""
        session_id, message_id, request_id = self._ids.session_id, self._ids.message_id, self._ids.request_id
        owed: list[ChatEvent] = [
            Start(session_id=session_id, message_id=message_id, metadata={"mode": "chat"}),
            Sources(sources=()),
            TextDelta(content=message),
            Failed(error=code, message=message, retryable=retryable, request_id=request_id),
        ]
        rest = [event for event in owed if event.type not in self._heard]
        done = Done(session_id=session_id, message_id=message_id, finish_reason="error", abstained=False)
        self._heard.add("done")
        return [*rest, done]

"""From the events of an answer to a stream that is never silent, never endless and always ends properly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from server.answering.events import ChatEvent
from server.answering.progress import AnswerProgress, Cause
from server.problems import log_failure, problem_of


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a stream may be silent, and how long it may last."""

    heartbeat_s: float = 10.0
    """A reader who left while a second request was pipelined is noticed only at a write."""
    deadline_s: float = 120.0
    """From the first event asked for to the last: the one deadline of an answer."""
    slow_reader_s: float = 15.0
    """After the deadline, until a reader who does not read is let go."""


DEADLINE = Cause("deadline_exceeded", "The answer took too long and was cut off. Please ask again.")
SHUTTING_DOWN = Cause("shutting_down", "The service is restarting. Please ask again in a moment.")
CUT_OFF = Cause("connection_lost", "The connection broke before the answer was complete. Please ask again.")
INCOMPLETE = Cause("internal_error", "Something went wrong on our side. Please try again.")


async def pace(
    events: AsyncGenerator[ChatEvent], answer: AnswerProgress, *, timing: Timing, closing: asyncio.Event
) -> AsyncGenerator[ChatEvent | None]:
    """The events as they come, each noted in `answer`, and None whenever a heartbeat is due; exactly one `Done`, always last.

    The generator runs in one task of its own, one event ahead at most, and is closed as soon as this one is. A failure, the
    deadline and `closing` end the answer with `Failed` and `Done`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timing.deadline_s
    queue: asyncio.Queue[ChatEvent] = asyncio.Queue(1)
    changed = asyncio.Event()
    cut: Cause | None = None
    producer = asyncio.create_task(_produce(events, queue, changed))
    closer = asyncio.create_task(closing.wait())
    for task in (producer, closer):
        task.add_done_callback(lambda _: changed.set())
    try:
        while answer.done is None:
            changed.clear()
            if cut is None and (closer.done() or loop.time() >= deadline):
                cut = SHUTTING_DOWN if closer.done() else DEADLINE
                producer.cancel()
            if not queue.empty():  # also after the cut: what was said is sent
                event = queue.get_nowait()
                answer.note(event)
                yield event
            elif cut or producer.done():
                for event in answer.ending(cut or _cause_of_end(producer)):
                    answer.note(event)
                    yield event
            elif not await _is_set(changed, min(deadline - loop.time(), timing.heartbeat_s)) and loop.time() < deadline:
                yield None
    finally:
        producer.cancel()
        closer.cancel()
        await asyncio.gather(producer, closer, return_exceptions=True)


async def _produce(events: AsyncGenerator[ChatEvent], queue: asyncio.Queue[ChatEvent], changed: asyncio.Event) -> None:
    async with aclosing(events) as stream:
        async for event in stream:
            await queue.put(event)
            changed.set()


async def _is_set(changed: asyncio.Event, limit_s: float) -> bool:
    try:
        async with asyncio.timeout(limit_s):
            return await changed.wait()
    except TimeoutError:
        return False


def _cause_of_end(producer: asyncio.Task[None]) -> Cause:
    error = None if producer.cancelled() else producer.exception()
    if error is None:
        return INCOMPLETE
    log_failure(error)
    problem = problem_of(error)
    return Cause(problem.code, problem.detail, retryable=problem.retryable)

"""From the events of an answer to a stream that is never silent, never endless and always ends properly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from server.answering.events import ChatEvent, TextDelta
from server.answering.progress import STOPPED, AnswerProgress, Cause
from server.answering.running import RunningAnswers
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


MOST_AHEAD = 32
"""Events made before the reader has taken them: a write's worth of tokens."""
TEXT_EVERY_S = 1 / 60
"""Between two writes of text: no screen shows more pictures a second, and a reader who gets fewer costs less, on both sides."""
WRITE_BYTES = 1200
"""A write fits into one TCP segment on an Ethernet path (1,460 bytes): widgets in the wild parse each network read alone."""

DEADLINE = Cause("deadline_exceeded", "The answer took too long and was cut off. Please ask again.")
SHUTTING_DOWN = Cause("shutting_down", "The service is restarting. Please ask again in a moment.")
CUT_OFF = Cause("connection_lost", "The connection broke before the answer was complete. Please ask again.")
INCOMPLETE = Cause("internal_error", "Something went wrong on our side. Please try again.")


async def pace(
    events: AsyncGenerator[ChatEvent],
    answer: AnswerProgress,
    *,
    timing: Timing,
    closing: asyncio.Event,
    running: RunningAnswers,
) -> AsyncGenerator[Sequence[ChatEvent]]:
    """The events as they come, each noted in `answer`; exactly one `Done`, always last.

    Those that are ready together come together, and none whenever a heartbeat is due. Text goes on at once, but no sooner
    than `TEXT_EVERY_S` after other text; nothing else is waited for. The generator runs in one task of its own, `MOST_AHEAD`
    events ahead at most, and is closed as soon as this one is. A failure, the deadline and `closing` end the answer with
    `Failed` and `Done`; one that is stopped in `running` ends with `Done` alone.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timing.deadline_s
    ahead = _Ahead()
    cut: Cause | None = None
    producer = asyncio.create_task(ahead.fill(events))
    closer = asyncio.create_task(closing.wait())
    for task in (producer, closer):
        task.add_done_callback(lambda _: ahead.changed.set())

    def cut_off(cause: Cause) -> None:
        nonlocal cut
        if cut is None:
            cut = cause
            producer.cancel()
            ahead.changed.set()

    try:
        with running.stoppable(answer.ids.message_id, partial(cut_off, STOPPED)):
            while answer.done is None:
                is_over = cut is not None or producer.done()
                is_told = is_over or await _is_set(ahead.changed, min(deadline, loop.time() + timing.heartbeat_s))
                ahead.changed.clear()
                if closer.done():
                    cut_off(SHUTTING_DOWN)
                elif loop.time() >= deadline:
                    cut_off(DEADLINE)
                ready: Sequence[ChatEvent] = ()
                if ahead.events:  # also after the cut: what was said is sent
                    ready = answer.note_all(ahead.take())
                elif cut or producer.done():
                    ready = answer.note_all(answer.ending(cut or _cause_of_end(producer)))
                elif is_told:
                    continue
                if answer.done is not None:
                    await answer.settle()
                yield ready
    finally:
        producer.cancel()
        closer.cancel()
        await asyncio.gather(producer, closer, return_exceptions=True)


class _Ahead:
    """Events that were made and not taken yet."""

    def __init__(self) -> None:
        self.events: list[ChatEvent] = []
        self.changed = asyncio.Event()
        """They are to be taken, or nobody makes any more."""
        self._taken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._not_before = 0.0
        """When text may be taken, in the loop's seconds."""

    async def fill(self, events: AsyncGenerator[ChatEvent]) -> None:
        async with aclosing(events) as stream:
            async for event in stream:
                self.events.append(event)
                if len(self.events) == 1 and type(event) is TextDelta and self._loop.time() < self._not_before:
                    self._loop.call_at(self._not_before, self.changed.set)
                elif len(self.events) in {1, MOST_AHEAD} or type(event) is not TextDelta:
                    self.changed.set()
                if len(self.events) >= MOST_AHEAD:
                    self._taken.clear()
                    await self._taken.wait()

    def take(self) -> list[ChatEvent]:
        taken, self.events = self.events, []
        if type(taken[-1]) is TextDelta:
            self._not_before = self._loop.time() + TEXT_EVERY_S
        self._taken.set()
        return taken


async def _is_set(changed: asyncio.Event, until: float) -> bool:
    """Whether it is set before `until`, in the loop's seconds. A timer, not `asyncio.timeout`: this is called per write."""
    if changed.is_set():
        return True
    is_late = False

    def wake() -> None:
        nonlocal is_late
        is_late = True
        changed.set()

    timer = asyncio.get_running_loop().call_at(until, wake)
    try:
        await changed.wait()
    finally:
        timer.cancel()
    return not is_late


def _cause_of_end(producer: asyncio.Task[None]) -> Cause:
    error = None if producer.cancelled() else producer.exception()
    if error is None:
        return INCOMPLETE
    log_failure(error)
    problem = problem_of(error)
    return Cause(problem.code, problem.detail, retryable=problem.retryable)


def joined(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Frames put together, in order, to writes of whole frames that stay under `WRITE_BYTES` where no single one is larger."""
    write: list[bytes] = []
    size = 0
    for frame in filter(None, frames):
        if write and size + len(frame) > WRITE_BYTES:
            yield b"".join(write)
            write, size = [], 0
        write.append(frame)
        size += len(frame)
    if write:
        yield b"".join(write)

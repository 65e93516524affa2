from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.answering.events import AnswerIds, ChatEvent, Done, Failed, TextDelta, Usage
from server.answering.pacing import MOST_AHEAD, WRITE_BYTES, Timing, joined, pace
from server.answering.progress import AnswerProgress
from server.answering.running import RunningAnswers
from server.finding.passages import Passage, Passages
from server.models.chat_model import Accepted
from server.questions import ChatRequest
from shared.errors import ServiceError
from tests.support.fakes import ScriptedAnswerer, make_chunk, whole_answer

IDS = AnswerIds("s", "m", "r")
QUESTION = ChatRequest(question="Why?")
NOTHING = Passages(passages=(), query="Why?", build_id="b", answerable=False)


def paced(
    answerer: ScriptedAnswerer, *, timing: Timing | None = None, closing: asyncio.Event | None = None
) -> AsyncGenerator[Sequence[ChatEvent]]:
    answer = AnswerProgress(IDS)
    events = answerer.generate(QUESTION, NOTHING, answer)
    return pace(events, answer, timing=timing or Timing(), closing=closing or asyncio.Event(), running=RunningAnswers())


async def collect(stream: AsyncGenerator[Sequence[ChatEvent]]) -> list[str]:
    async with aclosing(stream):
        return [kind async for ready in stream for kind in kinds_of(ready)]


def kinds_of(ready: Sequence[ChatEvent]) -> list[str]:
    return [event.type for event in ready] or ["ping"]


async def test_events_pass_as_they_are() -> None:
    answerer = ScriptedAnswerer()
    assert await collect(paced(answerer)) == ["start", "sources", "chunk", "chunk", "done"]
    assert answerer.closed.is_set()


async def test_silence_is_filled_with_heartbeats_also_before_the_first_event() -> None:
    go = asyncio.Event()
    kinds: list[str] = []
    async with aclosing(paced(ScriptedAnswerer(go, *whole_answer(IDS)), timing=Timing(heartbeat_s=0.01))) as stream:
        async for ready in stream:
            kinds += kinds_of(ready)
            if len(kinds) == 3:
                go.set()
    assert kinds[:3] == ["ping", "ping", "ping"]
    assert [kind for kind in kinds if kind != "ping"] == ["start", "sources", "chunk", "chunk", "done"]


async def test_the_deadline_ends_an_answer_with_an_error_and_done() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    assert await collect(paced(answerer, timing=Timing(deadline_s=1.0))) == ["start", "sources", "chunk", "error", "done"]
    assert answerer.closed.is_set()


async def test_closing_ends_an_answer_at_once() -> None:
    closing = asyncio.Event()
    kinds: list[str] = []
    async with aclosing(paced(ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event()), closing=closing)) as stream:
        async for ready in stream:
            kinds += kinds_of(ready)
            if "chunk" in kinds:
                closing.set()
    assert kinds == ["start", "sources", "chunk", "error", "done"]


@pytest.mark.parametrize(
    ("failure", "code", "retryable"),
    [
        (ServiceError("openai", "sk-secret is wrong", transient=False), "upstream_unavailable", False),
        (ServiceError("openai", "Timed out.", transient=True), "upstream_unavailable", True),
        (RuntimeError("sk-secret"), "internal_error", True),
    ],
)
async def test_a_failure_in_the_middle_says_so_without_its_text(failure: Exception, code: str, *, retryable: bool) -> None:
    async with aclosing(paced(ScriptedAnswerer(*whole_answer(IDS)[:3], failure))) as stream:
        events = [event async for ready in stream for event in ready]
    assert [event.type for event in events] == ["start", "sources", "chunk", "error", "done"]
    failed, done = events[-2:]
    assert isinstance(failed, Failed)
    assert (failed.error, failed.retryable, failed.request_id) == (code, retryable, "r")
    assert "sk-secret" not in failed.message
    assert isinstance(done, Done)
    assert done.finish_reason == "error"


async def test_a_reader_who_has_no_text_yet_gets_the_message_as_text() -> None:
    async with aclosing(paced(ScriptedAnswerer(RuntimeError()))) as stream:
        events = [event async for ready in stream for event in ready]
    assert [event.type for event in events] == ["start", "sources", "chunk", "error", "done"]
    text, failed = events[2:4]
    assert isinstance(text, TextDelta)
    assert isinstance(failed, Failed)
    assert text.content == failed.message


async def test_an_answer_that_stops_without_done_gets_one() -> None:
    assert await collect(paced(ScriptedAnswerer(*whole_answer(IDS)[:3]))) == ["start", "sources", "chunk", "error", "done"]


async def test_nothing_follows_done() -> None:
    answer = whole_answer(IDS)
    assert await collect(paced(ScriptedAnswerer(*answer, *answer))) == ["start", "sources", "chunk", "chunk", "done"]


async def test_the_answer_is_closed_when_its_reader_leaves() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    stream = paced(answerer)
    await anext(stream)
    await stream.aclose()
    assert answerer.closed.is_set()


async def test_a_reader_who_waits_is_not_run_ahead_of() -> None:
    made: list[int] = []

    async def counting() -> AsyncGenerator[ChatEvent]:
        for n in range(10 * MOST_AHEAD):
            made.append(n)
            yield TextDelta(str(n))

    async with aclosing(
        pace(counting(), AnswerProgress(IDS), timing=Timing(), closing=asyncio.Event(), running=RunningAnswers())
    ) as stream:
        await anext(stream)
        for _ in range(50):
            await asyncio.sleep(0)
    assert len(made) <= 2 * MOST_AHEAD


async def test_what_is_ready_together_comes_together_and_what_comes_alone_goes_on_alone() -> None:
    gate = asyncio.Event()
    whole = whole_answer(IDS, "Joints ", "move ", "[1].")
    steps = [*whole[:2], gate, whole[2], 0.0, *whole[3:]]
    batches: list[list[str]] = []
    async with aclosing(paced(ScriptedAnswerer(*steps))) as stream:
        async for ready in stream:
            batches.append(kinds_of(ready))
            gate.set()
    assert batches == [["start", "sources"], ["chunk"], ["chunk", "chunk", "done"]]


async def speak(said: asyncio.Event, *texts: str) -> AsyncGenerator[ChatEvent]:
    """A first text; once that was `said`, the others, not two of them at once."""
    yield TextDelta(".")
    await said.wait()
    for text in texts:
        yield TextDelta(text)
        await asyncio.sleep(0)
    await asyncio.Event().wait()


async def test_text_right_after_other_text_waits_to_go_in_one_write_with_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.answering.pacing.TEXT_EVERY_S", 3600.0)
    said, texts = asyncio.Event(), [str(n) for n in range(MOST_AHEAD)]
    async with aclosing(
        pace(speak(said, *texts), AnswerProgress(IDS), timing=Timing(), closing=asyncio.Event(), running=RunningAnswers())
    ) as stream:
        await anext(stream)
        said.set()
        assert await anext(stream) == [TextDelta(text) for text in texts]


async def test_text_that_nothing_follows_waits_no_longer_than_for_the_next_picture() -> None:
    said = asyncio.Event()
    text = ""
    async with aclosing(
        pace(speak(said, "a", "b"), AnswerProgress(IDS), timing=Timing(), closing=asyncio.Event(), running=RunningAnswers())
    ) as stream:
        async for ready in stream:
            text += "".join(event.content for event in ready if isinstance(event, TextDelta))
            said.set()
            if text == ".ab":
                break
    assert text == ".ab"


async def test_what_is_no_text_takes_waiting_text_with_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.answering.pacing.TEXT_EVERY_S", 3600.0)
    said, done = asyncio.Event(), whole_answer(IDS)[-1]

    async def end() -> AsyncGenerator[ChatEvent]:
        yield TextDelta("a")
        await said.wait()
        yield TextDelta("b")
        await asyncio.sleep(0)
        yield done

    async with aclosing(
        pace(end(), AnswerProgress(IDS), timing=Timing(), closing=asyncio.Event(), running=RunningAnswers())
    ) as stream:
        await anext(stream)
        said.set()
        assert kinds_of(await anext(stream)) == ["chunk", "done"]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=1400), max_size=60))
def test_frames_are_written_whole_in_order_and_in_few_writes(frames: list[bytes]) -> None:
    writes = list(joined(frames))
    assert b"".join(writes) == b"".join(frames)
    assert all(len(write) <= WRITE_BYTES or write in frames for write in writes)
    ends = set(accumulate(len(frame) for frame in frames))
    assert set(accumulate(len(write) for write in writes)) <= ends
    assert len(writes) <= 1 + 2 * len(b"".join(frames)) / WRITE_BYTES


async def test_what_was_said_before_the_deadline_is_sent_before_its_ending_and_cited_in_it() -> None:
    passages = Passages(
        passages=(Passage(n=1, chunk=(chunk := make_chunk()), score=1.0, url=chunk.url, heading_path=chunk.heading_path),),
        query="Why?", build_id="b", answerable=True,
    )  # fmt: skip
    answer = AnswerProgress(IDS)

    async def speaking() -> AsyncGenerator[ChatEvent]:
        answer.begin("scripted", passages)
        answer.accept(Accepted(7))
        for event in whole_answer(IDS)[:2]:
            yield event
        yield TextDelta(answer.read("Joints move [1]."))
        await asyncio.Event().wait()

    async with aclosing(
        pace(speaking(), answer, timing=Timing(deadline_s=0.05), closing=asyncio.Event(), running=RunningAnswers())
    ) as stream:
        events = [event async for ready in stream for event in ready]
    assert [event.type for event in events] == ["start", "sources", "chunk", "error", "done"]
    assert isinstance(failed := events[-2], Failed)
    assert failed.error == "deadline_exceeded"
    assert isinstance(done := events[-1], Done)
    assert (done.cited, done.finish_reason, done.metadata["model"]) == ((1,), "error", "scripted")
    assert done.usage == Usage(prompt_tokens=7, completion_tokens=1, cost_usd=None)

"""From a question and passages to the events of an answer, with a real model adapter over a server that fails on demand."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext

import pytest
from pydantic import SecretStr

from server.answering.events import AnswerIds, ChatEvent, Done, Failed, Sources, Start, TextDelta, Usage
from server.answering.generate import AnswerGenerator, generate
from server.answering.progress import AnswerProgress
from server.finding.passages import Passage, Passages
from server.models.chat_model import Accepted, Finished, Output
from server.models.openai_chat import OpenAIChat
from server.models.quoting.quoting_model import open_extractive
from server.questions import ChatRequest
from server.wire import native
from shared.errors import ServiceError
from shared.settings import Settings
from tests.support.fakes import make_chunk
from tests.support.openai.stand_in import StandIn

IDS = AnswerIds(session_id="s", message_id="m", request_id="r")
QUESTION = ChatRequest(question="What has joints?")
CHUNKS = (
    make_chunk("A robot has joints.", n=1),
    make_chunk("An arm has joints and links.", heading="Arms", n=2),
    make_chunk("Wheels turn.", heading="Wheels", n=3),
)
PASSAGES = Passages(
    passages=tuple(
        Passage(n=n, chunk=chunk, score=1 / n, url=chunk.url, heading_path=chunk.heading_path)
        for n, chunk in enumerate(CHUNKS, 1)
    ),
    query="joints",
    build_id="b",
    answerable=True,
)
NOTHING = Passages(passages=(), query="joints", build_id="b", answerable=False)
QUOTING = open_extractive(Settings())


@pytest.fixture
async def model(stand_in: StandIn) -> AsyncIterator[OpenAIChat]:
    chat = OpenAIChat(name="gpt-4o-mini", base_url=stand_in.base_url, api_key=SecretStr("k"), count=len)
    yield chat
    await chat.aclose()


class Scripted:
    """A model that says what it is told to, and raises what it is told to."""

    name = "scripted"

    def __init__(self, *steps: Output | Exception | asyncio.Event) -> None:
        self.steps = steps
        self.is_closed = False

    async def answer(self, request: ChatRequest, passages: Passages) -> AsyncGenerator[Output]:
        try:
            for step in self.steps:
                match step:
                    case Exception():
                        raise step
                    case asyncio.Event():
                        await step.wait()
                    case _:
                        yield step
        finally:
            self.is_closed = True

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...


async def collect(
    model: object, request: ChatRequest = QUESTION, passages: Passages = PASSAGES, answer: AnswerProgress | None = None
) -> list[ChatEvent]:
    """Every event, checked to follow the one order there is."""
    generated = generate(request, passages, answer or AnswerProgress(IDS), model=model, fallback=QUOTING)  # type: ignore[arg-type]
    async with aclosing(generated) as events:
        collected = [event async for event in events]
    kinds = [event.type for event in collected]
    assert kinds[:2] == ["start", "sources"]
    assert kinds[-1] == "done"
    assert kinds.count("done") == kinds.count("start") == 1
    assert set(kinds[2:-2]) <= {"chunk"}
    assert (kinds[-2] == "error") == (done_of(collected).finish_reason == "error")
    return collected


def text_of(events: list[ChatEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


def done_of(events: list[ChatEvent]) -> Done:
    done = events[-1]
    assert isinstance(done, Done)
    return done


async def test_an_answer_starts_shows_its_sources_speaks_and_ends(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.say(["Rob", "ots have joints [", "2", "], wheels [7] not."])
    collected = await collect(model)
    assert text_of(collected) == "Robots have joints [2], wheels not."
    start, sources, done = collected[0], collected[1], done_of(collected)
    assert isinstance(start, Start)
    searched = {"query": "joints", "answerable": True, "support": 1.0, "build": "b"}
    assert start.metadata == {"mode": "chat", "retrieved_chunks": 3, "model": "gpt-4o-mini"} | searched
    assert isinstance(sources, Sources)
    assert [(one.n, one.chapter, one.section) for one in sources.sources] == [
        (1, "Robots", "Joints"),
        (2, "Robots", "Arms"),
        (3, "Robots", "Wheels"),
    ]
    assert (done.cited, [one.n for one in done.sources]) == ((2,), [2])
    assert (done.finish_reason, done.abstained, done.degraded) == ("stop", False, False)
    assert done.suggestions == ("What does the book say about “Joints”?", "What does the book say about “Wheels”?")
    assert done.usage is not None
    assert done.usage.completion_tokens == 4
    assert done.usage.cost_usd == pytest.approx((done.usage.prompt_tokens * 0.15 + 4 * 0.60) / 1e6)
    assert {"total_time", "ttft"} <= done.metadata.keys()


async def test_what_the_book_does_not_say_is_told_in_words_and_to_machines() -> None:
    collected = await collect(Scripted("[NO_AN", "SWER] The book does not ", "say; [1] is near.", Finished("stop")))
    assert text_of(collected) == "The book does not say; [1] is near."
    assert done_of(collected).abstained


@pytest.mark.parametrize("failure", ["unauthorized", "unknown_model", "insufficient_quota", "server_error", "html", "empty"])
async def test_a_model_that_cannot_begin_is_replaced_by_quotations(stand_in: StandIn, model: OpenAIChat, failure: str) -> None:
    stand_in.fail("chat", failure, times=2)  # type: ignore[arg-type]
    collected = await collect(model)
    assert "A robot has joints." in text_of(collected)
    done = done_of(collected)
    assert (done.degraded, done.finish_reason, done.metadata["model"]) == (True, "stop", "extractive")
    assert 1 in done.cited


@pytest.mark.parametrize("failure", ["cut", "truncate", "bad_json", "error_event"])
async def test_a_model_that_breaks_off_leaves_what_it_said_and_a_sentence_for_the_reader(
    stand_in: StandIn, model: OpenAIChat, failure: str
) -> None:
    stand_in.fail("chat", failure)  # type: ignore[arg-type]
    stand_in.say(["Robots have ", "joints [1", "] and more."])
    collected = await collect(model)
    assert text_of(collected) == "Robots have joints"
    assert isinstance(failed := collected[-2], Failed)
    assert (failed.error, failed.retryable, failed.request_id) == ("upstream_unavailable", True, "r")
    assert "secret" not in failed.message
    done = done_of(collected)
    assert (done.finish_reason, done.degraded) == ("error", False)
    assert done.usage is not None


async def test_a_model_that_dies_on_a_marker_it_never_finished_has_said_nothing() -> None:
    collected = await collect(Scripted("[1", ServiceError("openai", "Gone.", transient=True)))
    assert done_of(collected).degraded
    assert text_of(collected).startswith("In the book's own words:")


async def test_an_answer_withheld_or_without_a_word_is_replaced_too() -> None:
    for steps in ([Finished("content_filter")], [" \n", Finished("stop")], [Finished("length")]):
        collected = await collect(Scripted(*steps))  # type: ignore[arg-type]
        assert done_of(collected).degraded
        assert text_of(collected).strip()


async def test_an_answer_withheld_in_the_middle_says_so() -> None:
    collected = await collect(Scripted("Robots ", Finished("content_filter")))
    assert isinstance(failed := collected[-2], Failed)
    assert (failed.error, failed.retryable) == ("content_filtered", False)


async def test_an_answer_that_is_too_long_ends_with_length() -> None:
    assert done_of(await collect(Scripted("Robots [1", Finished("length")))).finish_reason == "length"


async def test_a_reader_who_leaves_closes_the_request_upstream_and_pays_for_what_was_said(
    stand_in: StandIn, model: OpenAIChat
) -> None:
    answer = AnswerProgress(IDS)
    stand_in.fail("chat", "stall", after=2)
    stand_in.say(["Robots ", "have ", "joints."])
    async with aclosing(AnswerGenerator(model, QUOTING).generate(QUESTION, PASSAGES, answer)) as events:
        async for event in events:
            if text_of([event]) == " have":
                break
    await stand_in.seen[0].ended.wait()
    assert stand_in.seen[0].left_early
    assert (usage := answer.usage()) is not None
    assert (usage.completion_tokens, usage.cost_usd is not None) == (2, True)


async def test_a_cancelled_answer_closes_the_model() -> None:
    model = Scripted(Accepted(3), "Robots ", asyncio.Event())
    task = asyncio.create_task(collect(model))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.is_closed


async def test_what_an_answer_cost_is_what_the_model_says() -> None:
    collected = await collect(Scripted(Accepted(3), "Robots.", Finished("stop", 5, 1)))
    assert done_of(collected).usage == Usage(prompt_tokens=5, completion_tokens=1, cost_usd=None)


async def test_without_budget_answers_are_quotations(stand_in: StandIn, model: OpenAIChat) -> None:
    answers = AnswerGenerator(model, QUOTING, may_spend=lambda: nullcontext(enter_result=False))
    async with aclosing(answers.generate(QUESTION, PASSAGES, AnswerProgress(IDS))) as events:
        collected = [event async for event in events]
    assert done_of(collected).degraded
    assert done_of(collected).usage is None
    assert stand_in.seen == []


async def test_without_a_key_quotations_are_no_degradation() -> None:
    collected = await collect(QUOTING)
    assert not done_of(collected).degraded
    assert done_of(collected).usage is None


async def test_without_passages_no_model_is_asked(stand_in: StandIn, model: OpenAIChat) -> None:
    collected = await collect(model, passages=NOTHING)
    assert done_of(collected).abstained
    assert not done_of(collected).degraded
    assert text_of(collected) == "The book does not seem to say anything about this."
    assert stand_in.seen == []


async def test_a_greeting_is_greeted_at_once(stand_in: StandIn, model: OpenAIChat) -> None:
    collected = await collect(model, ChatRequest(question="Hi!"))
    assert [event.type for event in collected] == ["start", "sources", "chunk", "done"]
    assert not done_of(collected).abstained
    assert stand_in.seen == []


async def test_a_selection_is_never_small_talk(stand_in: StandIn, model: OpenAIChat) -> None:
    await collect(model, ChatRequest(question="Thanks", selected_text="A robot has joints."))
    assert stand_in.count("chat") == 1


async def test_time_is_measured_by_the_clock_given() -> None:
    ticks = itertools.count(100.0)
    done = done_of(await collect(Scripted("Robots.", Finished("stop")), answer=AnswerProgress(IDS, clock=lambda: next(ticks))))
    assert 0 < done.metadata["ttft"] < done.metadata["total_time"]


async def test_no_text_delta_makes_a_frame_that_does_not_fit() -> None:
    collected = await collect(Scripted("robots \U0001f916 " * 2000, Finished("stop")))
    frames = [native.encode(part, 10**6) for event in collected for part in native.fit(event)]
    assert max(map(len, frames)) <= 1200
    assert "".join(event.content for event in collected if isinstance(event, TextDelta)).count("robots") == 2000

"""Answers given again, by a real server over a real index, with a stand-in for OpenAI that counts what it is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from server.answering.answer_cache import MAX_ANSWER_BYTES, MAX_BYTES, MAX_ENTRIES, AnswerCache, as_compared
from server.answering.events import AnswerIds, Done
from server.answering.progress import AnswerProgress
from server.finding.passages import Passage, Passages
from server.questions import ChatRequest, Turn
from server.services import open_services
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.support.databases.redis import RedisProcess
from tests.support.fakes import make_chunk
from tests.support.live_server import LiveServer, frames_of, serving, text_of, until
from tests.support.openai.stand_in import StandIn
from tests.support.sample_builds import make_build, make_chunks

QUESTION = {"question": "How many joints does the gripper move?"}
SAID = ["It moves three ", "joints [1]."]


async def publish(settings: Settings, *, hour: int = 0, more: str = "A gripper has two fingers.") -> None:
    chunks = make_chunks({"grippers.md": ["The gripper moves three joints.", more]})
    writer = open_index(settings)
    await writer.publish(make_build(chunks, hour=hour, dimensions=None), chunks, None)
    await writer.aclose()


@asynccontextmanager
async def book(folder: Path, stand_in: StandIn, **given: Any) -> AsyncGenerator[LiveServer]:
    """A server over a small book, answered from by the stand-in."""
    common = {
        "openai_api_key": "k",
        "openai_base_url": stand_in.base_url,
        "embedding_model": "none",
        "prefect_api_url": "http://127.0.0.1:1/api",
    }
    settings = Settings.model_validate({"data_dir": folder, **common, **given})
    await publish(settings)
    async with serving(open_services(settings)) as live:
        yield live


async def metric(live: LiveServer, result: str) -> float:
    text = (await live.client.get("/metrics")).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if f'answer_cache_total{{result="{result}"}}' in line)


async def test_the_same_question_is_answered_again_without_the_model(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in) as live:
        stand_in.say(SAID)
        first = frames_of((await live.ask(QUESTION)).text)
        spent = live.services.budget.spent_usd
        with capture_logs() as lines:
            again = frames_of((await live.ask({"question": "  how many JOINTS does  the gripper move ? "})).text)
        assert stand_in.count("chat") == 1
        assert live.services.budget.spent_usd == spent > 0
        assert (await metric(live, "miss"), await metric(live, "hit")) == (1, 1)
    assert [frame["type"] for frame in again] == [frame["type"] for frame in first]
    assert [frame["content"] for frame in again] == [frame["content"] for frame in first]
    assert again[1] == first[1]
    for kind in (0, -1):
        assert again[kind]["message_id"] != first[kind]["message_id"]
        assert (first[kind]["metadata"].get("cached"), again[kind]["metadata"].get("cached")) == (None, True)
    same = ("cited", "sources", "suggestions", "abstained", "finish_reason", "degraded")
    assert [again[-1][name] for name in same] == [first[-1][name] for name in same]
    assert again[-1]["usage"] is None
    assert again[0]["metadata"]["build"] == first[0]["metadata"]["build"]
    (answered,) = [line for line in lines if line["event"] == "answered"]
    assert (answered["cached"], answered["cited"], "cost_usd" in answered) == (True, 1, False)


@pytest.mark.parametrize(
    ("path", "accept", "said"),
    [
        ("/chat", "text/event-stream", '"cached":true'),
        ("/chat", "application/x-ndjson", '"cached":true'),
        ("/ask", "application/json", '"cached":true'),
        ("/v1/chat/completions", "", '"cached":true'),
        ("/api/ui-chat", "", '"cached":true'),
        ("/chat/stream", "", ""),  # text alone: the header has to do
    ],
)
async def test_an_answer_given_again_says_so_in_every_dialect(
    tmp_path: Path, stand_in: StandIn, path: str, accept: str, said: str
) -> None:
    asked = {"messages": [{"role": "user", "content": QUESTION["question"]}]}
    async with book(tmp_path, stand_in) as live:
        stand_in.say(SAID)
        first, again = [await live.ask(asked, path=path, Accept=accept) for _ in range(2)]
        assert stand_in.count("chat") == 1
    assert ("cache-status" in first.headers, again.headers["cache-status"]) == (False, "lectern; hit")
    assert '"cached"' not in first.text
    assert said in again.text.replace(": true", ":true")


async def test_an_answer_given_again_is_json_too_is_remembered_and_can_be_rated(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in) as live:
        await until(lambda: live.services.conversations.is_connected)
        stand_in.say(SAID)
        first = (await live.ask(QUESTION, path="/api/chat")).json()
        again = (await live.ask(QUESTION, path="/api/chat")).json()
        assert (again["metadata"]["cached"], again["answer"]) == (True, "It moves three joints [1].")
        assert again["citations"] == first["citations"]
        assert again["citations"][0]["text"].startswith("The gripper moves three joints.")
        rated = await live.client.post("/feedback", json={"message_id": again["message_id"], "rating": "up"})
        assert rated.status_code == 200
        history = (await live.client.get(f"/chat/history/{again['session_id']}")).json()
    (message,) = history["messages"]
    assert (message["message_id"], message["rating"], message["model"]) == (again["message_id"], "up", "gpt-4o-mini")
    assert message["answer"] == first["answer"]


@pytest.mark.parametrize("path", ["/chat/stream", "/v1/chat/completions", "/api/ui-chat"])
async def test_every_dialect_gives_an_answer_again(tmp_path: Path, stand_in: StandIn, path: str) -> None:
    body = {"messages": [{"role": "user", "content": QUESTION["question"]}]}
    async with book(tmp_path, stand_in) as live:
        stand_in.say(SAID)
        first, again = [(await live.ask(body, path=path)).text for _ in range(2)]
    assert stand_in.count("chat") == 1
    assert "joints" in first
    assert again.count("joints") == first.count("joints")


OTHERWISE: list[dict[str, Any]] = [
    {"question": "How many fingers has the gripper?"},
    QUESTION | {"k": 1},
    QUESTION | {"history": [{"role": "user", "content": "Hm."}, {"role": "assistant", "content": "Yes?"}]},
    QUESTION | {"selected_text": "The gripper moves three joints."},
    QUESTION | {"selected_text": "The gripper moves three joints.", "page_url": "/docs/grippers.md"},
    QUESTION | {"surrounding_context": "Fingers."},
]


async def test_whatever_else_an_answer_hangs_on_is_asked_anew(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in) as live:
        for body in [QUESTION, *OTHERWISE, *OTHERWISE]:
            await live.ask(body)
        assert stand_in.count("chat") == 1 + len(OTHERWISE)
        for who in ({"user_id": "u"}, {"session_id": "s"}, {"page_url": "/docs/elsewhere"}):
            assert frames_of((await live.ask(QUESTION | who)).text)[-1]["metadata"]["cached"]


@pytest.mark.one_server
async def test_another_model_or_setting_is_asked_anew(tmp_path: Path, stand_in: StandIn, redis: RedisProcess) -> None:
    for count, other in enumerate([{}, {"chat_model": "gpt-4o"}, {"answer_support": 0.2}, {"collection": "other"}, {}], 1):
        async with book(tmp_path / str(count), stand_in, redis_url=redis.url, **other) as live:
            await live.ask(QUESTION)
            await live.services.answer_cache.aclose()
    assert stand_in.count("chat") == 4


@pytest.mark.parametrize("failure", ["unauthorized", "cut", "content_filter"])
async def test_an_answer_that_failed_is_not_given_again(tmp_path: Path, stand_in: StandIn, failure: Any) -> None:
    async with book(tmp_path, stand_in) as live:
        stand_in.fail("chat", failure, times=4)
        await live.ask(QUESTION)
        stand_in.reset()
        stand_in.say(SAID)
        done = frames_of((await live.ask(QUESTION)).text)[-1]
    assert (done["degraded"], done["metadata"].get("cached"), done["cited"]) == (False, None, [1])


@pytest.mark.one_server
async def test_an_answer_cut_by_its_length_or_by_its_reader_is_not_given_again(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in) as live:
        stand_in.say(SAID, finish_reason="length")
        await live.ask(QUESTION)
        stand_in.fail("chat", "stall", after=1)
        async with live.client.stream("POST", "/chat", json=QUESTION) as response:
            async for piece in response.aiter_text():
                if '"chunk"' in piece:
                    (stop,) = list(live.services.running._stops)
                    await live.client.post(f"/chat/{stop}/stop")
        assert frames_of((await live.ask(QUESTION)).text)[-1]["metadata"].get("cached") is None
        assert stand_in.count("chat") == 3


async def test_that_the_book_does_not_say_is_kept_as_well(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in) as live:
        stand_in.say(["[NO_ANSWER] ", "The book does not say."])
        first, again = [frames_of((await live.ask(QUESTION)).text)[-1] for _ in range(2)]
    assert (first["abstained"], again["abstained"], again["metadata"]["cached"]) == (True, True, True)


async def test_quotations_are_given_again_and_greetings_are_not_kept(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in, openai_api_key="") as live:
        first, again = [(await live.ask(QUESTION)).text for _ in range(2)]
        hello = frames_of((await live.ask({"question": "Hello!"})).text)
    assert text_of(again) == text_of(first)
    assert frames_of(again)[-1]["metadata"]["cached"]
    assert frames_of(again)[-1]["sources"] == frames_of(first)[-1]["sources"]
    assert "cached" not in hello[-1]["metadata"]


async def test_a_new_build_empties_the_cache(tmp_path: Path, stand_in: StandIn, redis: RedisProcess) -> None:
    for url in ("", redis.url):
        async with book(tmp_path / str(bool(url)), stand_in, redis_url=url) as live:
            await live.ask(QUESTION)
            await publish(live.services.settings, hour=1, more="A gripper has three fingers.")

            async def is_new(live: LiveServer = live) -> bool:
                return "cached" not in frames_of((await live.ask(QUESTION)).text)[-1]["metadata"]

            await until(is_new)  # the build is looked up every half second
            await live.services.answer_cache.aclose()
            if url:
                kept = await live.services.redis.run("KEYS", "lectern:answer:*")  # type: ignore[union-attr]
                assert [key.decode().split(":")[3] for key in kept] == ["20260101T010000Z-0a"]


@pytest.mark.one_server
async def test_servers_share_answers_through_redis(tmp_path: Path, stand_in: StandIn, redis: RedisProcess) -> None:
    stand_in.say(SAID)
    async with (
        book(tmp_path / "a", stand_in, redis_url=redis.url) as one,
        book(tmp_path / "b", stand_in, redis_url=redis.url) as other,
    ):
        await one.ask(QUESTION)
        await one.services.answer_cache.aclose()
        done = frames_of((await other.ask(QUESTION)).text)[-1]
        expires_s = await one.services.redis.run("TTL", (await one.services.redis.run("KEYS", "lectern:answer:*"))[0])  # type: ignore[union-attr]
    assert (done["metadata"]["cached"], done["cited"], stand_in.count("chat")) == (True, [1], 1)
    assert 0 < expires_s <= 24 * 3600


async def test_with_redis_away_answers_are_kept_in_memory_until_it_is_back(
    tmp_path: Path, stand_in: StandIn, redis: RedisProcess
) -> None:
    async def ask(live: LiveServer, question: str) -> bool:
        response: httpx.Response = await live.ask({"question": question})
        await live.services.answer_cache.aclose()
        done = frames_of(response.text)[-1]
        assert done["finish_reason"] == "stop"
        return bool(done["metadata"].get("cached"))

    redis.stop()
    async with book(tmp_path, stand_in, redis_url=redis.url) as live:
        with capture_logs() as lines:
            asked = [await ask(live, f"How many joints has gripper {n}?") for n in (1, 2, 1, 2)]
            assert asked == [False, False, True, True]
            assert [line["event"] for line in lines if line["event"].startswith("redis")] == ["redis_unavailable"]
            assert redis.url not in str(lines)
            redis.start()

            async def is_back() -> bool:
                await ask(live, f"How many joints has {uuid4().hex}?")
                return any(line["event"] == "redis_available" for line in lines)

            await until(is_back)
            assert not await ask(live, "How many joints has gripper 3?")
            assert await live.services.redis.run("KEYS", "lectern:answer:*")  # type: ignore[union-attr]
            assert await ask(live, "How many joints has gripper 3?")
            assert await ask(live, "How many joints has gripper 1?")


async def test_what_another_hand_wrote_into_redis_is_no_answer(tmp_path: Path, stand_in: StandIn, redis: RedisProcess) -> None:
    async with book(tmp_path, stand_in, redis_url=redis.url) as live:
        await live.ask(QUESTION)
        await live.services.answer_cache.aclose()
        run = live.services.redis.run  # type: ignore[union-attr]
        await run("SET", (await run("KEYS", "lectern:answer:*"))[0], b'{"model": 3}')
        assert "cached" not in frames_of((await live.ask(QUESTION)).text)[-1]["metadata"]


async def test_with_no_hours_nothing_is_kept(tmp_path: Path, stand_in: StandIn) -> None:
    async with book(tmp_path, stand_in, answer_cache_hours=0) as live:
        assert [frames_of((await live.ask(QUESTION)).text)[-1]["metadata"].get("cached") for _ in range(2)] == [None, None]
        assert await metric(live, "miss") == 0


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("  What is\n ROS 2? ", "what is ros 2"),
        ("what is ros 2", "what is ros 2"),
        ("What does IT do?!", "what does IT do"),
        ("What does it do", "what does it do"),
        ("Who can it be...", "who can it be"),
        ("¿Qué es un ROBOT？", "¿qué es un robot"),
        ("???", ""),
    ],
)
def test_questions_are_compared_without_case_blanks_and_the_mark_at_their_end(question: str, expected: str) -> None:
    assert as_compared(question) == expected


def over(text: str) -> AnswerProgress:
    """An answer of one delta that ended well."""
    answer = AnswerProgress(AnswerIds(session_id="s", message_id="m", request_id="r"))
    chunk = make_chunk()
    passage = Passage(n=1, chunk=chunk, score=1.0, url=chunk.url, heading_path=chunk.heading_path)
    answer.begin("m", Passages(passages=(passage,), query="q", build_id="b", answerable=True))
    answer.read(text)
    answer.note(Done(session_id="s", message_id="m", finish_reason="stop", abstained=False))
    return answer


async def test_an_answer_has_its_time_and_the_cache_its_bounds() -> None:
    cache, at_once_over = AnswerCache(keep_s=3600), AnswerCache(keep_s=1e-9)
    question = ChatRequest(question="a")
    for each in (cache, at_once_over):
        await each.find(question, "b")
        each.keep(question, over("text"))
    kept = await cache.find(question, "b")
    assert kept is not None
    assert kept.said == ("text",)
    assert await at_once_over.find(question, "b") is None
    cache.keep(ChatRequest(question="long"), over("x" * MAX_ANSWER_BYTES))
    assert await cache.find(ChatRequest(question="long"), "b") is None
    for n in range(MAX_ENTRIES):
        cache.keep(ChatRequest(question=f"q{n}"), over("text"))
    assert await cache.find(question, "b") is None
    large = "x" * (MAX_ANSWER_BYTES // 2)
    for n in range(2 * MAX_BYTES // len(large)):
        cache.keep(ChatRequest(question=f"large {n}"), over(large))
    assert await cache.find(ChatRequest(question="large 0"), "b") is None
    assert await cache.find(ChatRequest(question=f"large {n}"), "b") is not None


async def test_after_other_turns_a_question_is_compared_as_it_was_written() -> None:
    cache, history = AnswerCache(keep_s=3600), (Turn(role="user", content="Hm."),)
    await cache.find(ChatRequest(question="a"), "b")
    cache.keep(ChatRequest(question="What of Go?", history=history), over("text"))
    assert await cache.find(ChatRequest(question="What of go?", history=history), "b") is None
    assert await cache.find(ChatRequest(question="What of Go?", history=history), "b") is not None

"""Streaming from an OpenAI-compatible server, in all the ways it goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from pydantic import SecretStr

from server.finding.passages import Passage, Passages
from server.models import openai_chat
from server.models.chat_model import Accepted, Finished, Output
from server.models.from_settings import open_chat_model
from server.models.openai_chat import OpenAIChat
from server.models.prompts import ChatMessage
from server.questions import ChatRequest
from shared.errors import ServiceError
from shared.settings import Settings
from tests.support.fakes import make_chunk
from tests.support.openai.stand_in import StandIn

ASK: list[ChatMessage] = [{"role": "user", "content": "How do robots move?"}]


@pytest.fixture
async def model(stand_in: StandIn) -> AsyncIterator[OpenAIChat]:
    chat = OpenAIChat(name="gpt-4o-mini", base_url=stand_in.base_url, api_key=SecretStr("sk-test"), count=len)
    yield chat
    await chat.aclose()


async def listen(model: OpenAIChat, heard: list[Output] | None = None) -> list[Output]:
    """Every output; added to `heard` as it comes."""
    heard = [] if heard is None else heard
    async with aclosing(model.stream(ASK)) as outputs:
        async for output in outputs:
            heard.append(output)
    return heard


async def test_a_stream_is_accepted_spoken_and_finished_with_its_usage(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.say(["Robots ", "move [1]."])
    outputs = await listen(model)
    assert outputs[:3] == [Accepted(prompt_tokens=19), "Robots ", "move [1]."]
    assert outputs[3] == Finished(reason="stop", prompt_tokens=4, completion_tokens=2)
    assert stand_in.seen[0].headers["authorization"] == "Bearer sk-test"


async def test_the_prompt_holds_the_passages_and_the_question(stand_in: StandIn, model: OpenAIChat) -> None:
    chunk = make_chunk()
    passage = Passage(n=1, chunk=chunk, score=1.0, url=chunk.url, heading_path=chunk.heading_path)
    passages = Passages(passages=(passage,), query="q", build_id="b", answerable=True)
    async with aclosing(model.answer(ChatRequest(question="What has joints?"), passages)) as outputs:
        said = "".join([output async for output in outputs if isinstance(output, str)])
    assert said == "A robot has joints. [1]."
    assert "What has joints?" in stand_in.seen[0].body["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("failure", "code", "transient"),
    [
        ("unauthorized", "invalid_api_key", False),
        ("unknown_model", "model_not_found", False),
        ("insufficient_quota", "insufficient_quota", False),
        ("rate_limited", "rate_limit_exceeded", True),
        ("server_error", "server_error", True),
        ("unavailable", "overloaded", True),
        ("html", "incomplete", True),
        ("empty", "incomplete", True),
    ],
)
async def test_a_refusal_is_an_error_without_the_upstreams_words(
    stand_in: StandIn, model: OpenAIChat, failure: str, code: str, transient: bool
) -> None:
    stand_in.fail("chat", failure, times=2)  # type: ignore[arg-type]
    with pytest.raises(ServiceError) as caught:
        await listen(model)
    assert (caught.value.code, caught.value.transient) == (code, transient)
    assert "secret" not in str(caught.value)
    assert stand_in.count("chat") == (2 if transient else 1)


async def test_one_failure_before_the_first_word_is_forgiven(stand_in: StandIn, model: OpenAIChat) -> None:
    for failure in ("unavailable", "html", "empty"):
        stand_in.fail("chat", failure)
        stand_in.say(["Hello."])
        if failure == "empty":
            stand_in.say(["Hello."])
        assert "Hello." in await listen(model)
        stand_in.reset()


async def test_a_short_retry_after_is_waited_for_and_a_long_one_is_not(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.fail("chat", "rate_limited", retry_after_s=0.05)
    assert isinstance((await listen(model))[-1], Finished)
    stand_in.fail("chat", "rate_limited", retry_after_s=60)
    with pytest.raises(ServiceError) as caught:
        await listen(model)
    assert caught.value.retry_after_s == 60
    assert stand_in.count("chat") == 3


@pytest.mark.parametrize(
    ("failure", "code"),
    [("cut", "connection"), ("truncate", "incomplete"), ("bad_json", "bad_response"), ("error_event", "server_error")],
)
async def test_after_the_first_word_nothing_is_tried_again(
    stand_in: StandIn, model: OpenAIChat, failure: str, code: str
) -> None:
    stand_in.say(["Robots ", "move ", "on."])
    stand_in.fail("chat", failure)  # type: ignore[arg-type]
    heard: list[Output] = []
    with pytest.raises(ServiceError) as caught:
        await listen(model, heard)
    assert heard[1:] == ["Robots ", "move "]
    assert caught.value.code == code
    assert stand_in.count("chat") == 1


async def test_silence_is_a_failure(stand_in: StandIn, model: OpenAIChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_chat, "READ_TIMEOUT_S", 0.1)
    impatient = OpenAIChat(name="m", base_url=stand_in.base_url, api_key=SecretStr("k"), count=len)
    stand_in.fail("chat", "slow", times=2)
    with pytest.raises(ServiceError) as caught:
        await listen(impatient)
    assert caught.value.code == "timeout"
    stand_in.fail("chat", "stall", after=1)
    with pytest.raises(ServiceError) as caught:
        await listen(impatient)
    assert caught.value.code == "timeout"
    await impatient.aclose()


async def test_a_server_that_is_not_there_is_a_transient_error(stand_in: StandIn) -> None:
    nowhere = OpenAIChat(name="m", base_url="http://127.0.0.1:9/v1", api_key=SecretStr("k"), count=len)
    with pytest.raises(ServiceError) as caught:
        await listen(nowhere)
    assert (caught.value.code, caught.value.transient) == ("connection", True)
    with pytest.raises(ServiceError):
        await nowhere.ping()
    await nowhere.aclose()


async def test_closing_the_answer_closes_the_request_upstream(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.fail("chat", "stall", after=1)
    stand_in.say(["Robots ", "move."])
    async with aclosing(model.stream(ASK)) as outputs:
        async for output in outputs:
            if isinstance(output, str):
                break
    await stand_in.seen[0].ended.wait()
    assert stand_in.seen[0].left_early


async def test_cancelling_the_answer_closes_the_request_upstream(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.fail("chat", "stall", after=0)
    task = asyncio.create_task(listen(model))
    await stand_in.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stand_in.seen[0].ended.wait()
    assert stand_in.seen[0].left_early


async def test_length_and_content_filter_are_told_apart_and_missing_usage_is_none(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.say(["Cut"], finish_reason="length")
    assert (await listen(model))[-1] == Finished(reason="length", prompt_tokens=4, completion_tokens=1)
    stand_in.fail("chat", "content_filter", after=0)
    stand_in.say(["Withheld"])
    assert isinstance(last := (await listen(model))[-1], Finished)
    assert last.reason == "content_filter"
    stand_in.fail("chat", "no_usage")
    assert (await listen(model))[-1] == Finished(reason="stop")


async def test_a_parameter_the_server_refuses_is_left_out_from_then_on(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.refuses = {"temperature", "stream_options", "max_tokens"}
    for _ in range(2):
        assert isinstance((await listen(model))[-1], Finished)
    assert stand_in.count("chat") == 5
    assert stand_in.seen[-1].body.keys() == {"model", "messages", "stream", "max_completion_tokens"}


async def test_a_refusal_of_anything_else_is_an_error_at_once(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.refuses = {"messages"}
    with pytest.raises(ServiceError) as caught:
        await listen(model)
    assert (caught.value.code, caught.value.transient, stand_in.count("chat")) == ("unsupported_parameter", False, 1)


async def test_reasoning_models_get_no_temperature(stand_in: StandIn, model: OpenAIChat) -> None:
    await listen(model)
    thinker = OpenAIChat(name="gpt-5-mini", base_url=stand_in.base_url, api_key=SecretStr("k"), count=len)
    await listen(thinker)
    await thinker.aclose()
    ordinary, reasoning = (seen.body for seen in stand_in.seen)
    assert {"temperature", "max_tokens"} <= ordinary.keys()
    assert not {"temperature", "max_tokens"} & reasoning.keys()
    assert reasoning["max_completion_tokens"] > ordinary["max_tokens"]


async def test_a_ping_costs_nothing_and_knows_a_wrong_key(stand_in: StandIn, model: OpenAIChat) -> None:
    await model.ping()
    stand_in.fail("models", "unknown_model")
    await model.ping()
    for failure in ("unauthorized", "server_error", "html"):
        stand_in.fail("models", failure)
        with pytest.raises(ServiceError):
            await model.ping()
    assert stand_in.count("chat") == 0


async def test_a_completion_is_the_whole_text(stand_in: StandIn, model: OpenAIChat) -> None:
    stand_in.say(["inverse ", "kinematics"])
    assert await model.complete(ASK) == "inverse kinematics"


async def test_the_settings_decide_which_model_answers(stand_in: StandIn) -> None:
    assert open_chat_model(Settings(), count=len).name == "extractive"
    model = open_chat_model(Settings(openai_api_key=SecretStr("k"), chat_model="m"), count=len)
    assert model.name == "m"
    await model.aclose()

"""OpenAI's own client against our server, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from server.answering.events import AnswerIds
from shared.errors import ServiceError
from tests.support.fakes import FakeFinder, ScriptedAnswerer, make_services, make_source, whole_answer
from tests.support.live_server import LiveServer, serving, until

IDS = AnswerIds("s", "m", "r")
ANSWER = "Joints move [1]."
SOURCE = make_source().model_dump(mode="json")
ASKED = [{"role": "system", "content": "Obey."}, {"role": "user", "content": [{"type": "text", "text": "What moves?"}]}]


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


def address(live: LiveServer) -> str:
    return f"http://127.0.0.1:{live.port}/v1"


def client_of(live: LiveServer) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=address(live), api_key="none", max_retries=0)


async def test_a_completion_comes_whole_unless_a_stream_is_asked_for(live: LiveServer) -> None:
    async with client_of(live) as client:
        answer = await client.chat.completions.create(model="any", messages=ASKED)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (ANSWER, "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    assert (answer.model_extra or {})["sources"] == [SOURCE]


@pytest.mark.parametrize("base", ["/v1", "/api/v1", "/api", ""])
async def test_a_base_address_with_or_without_a_version_does(live: LiveServer, base: str) -> None:
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{live.port}{base}", api_key="any", max_retries=0) as client:
        completion = await client.chat.completions.create(model="any", messages=ASKED)
    assert completion.choices[0].message.content == ANSWER


async def test_a_stream_by_the_blocking_client(live: LiveServer) -> None:
    def ask() -> str:
        with OpenAI(base_url=address(live), api_key="none", max_retries=0) as client:
            chunks = client.chat.completions.create(model="any", messages=ASKED, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert await asyncio.to_thread(ask) == ANSWER


async def test_a_stream_says_role_sources_text_end_and_usage_in_this_order(live: LiveServer) -> None:
    async with client_of(live) as client:
        stream = await client.chat.completions.create(
            model="any", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
        *chunks, last = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert (chunks[1].model_extra or {})["sources"] == [SOURCE]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ANSWER
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 12


async def test_the_clients_own_accumulator_takes_the_stream(live: LiveServer) -> None:
    async with client_of(live) as client, client.chat.completions.stream(model="any", messages=ASKED) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.content == ANSWER


async def test_a_client_that_closes_its_stream_ends_the_answer() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    services = make_services(answerer=answerer)
    async with serving(services) as live, client_of(live) as client:
        async with await client.chat.completions.create(model="any", messages=ASKED, stream=True) as stream:
            await anext(aiter(stream))
        await until(lambda: answerer.closed.is_set() and services.limits.open_streams == 0)


async def test_a_failure_after_the_first_word_is_the_clients_api_error() -> None:
    failing = ScriptedAnswerer(*whole_answer(IDS)[:3], ServiceError("openai", "gone", transient=True))
    async with serving(make_services(answerer=failing)) as live, client_of(live) as client:
        stream = await client.chat.completions.create(model="any", messages=ASKED, stream=True)
        with pytest.raises(openai.APIError) as failed:
            async for _ in stream:
                pass
    assert failed.value.code == "upstream_unavailable"
    assert "Please try again" in failed.value.message


async def test_a_failure_before_the_first_word_is_the_clients_own_kind_of_error() -> None:
    finder = FakeFinder(failure=ServiceError("qdrant", "gone", transient=True))
    async with serving(make_services(finder=finder)) as live, client_of(live) as client:
        with pytest.raises(openai.InternalServerError) as failed:
            await client.chat.completions.create(model="any", messages=ASKED)
        assert (failed.value.status_code, failed.value.code, failed.value.type) == (503, "index_unavailable", "server_error")
        assert failed.value.response.headers["retry-after"] == "5"
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model="any", messages=[])
        assert (refused.value.code, refused.value.type) == ("question_missing", "invalid_request_error")


@pytest.mark.parametrize("body", [{"stream": "maybe"}, {"stream": []}, {"stream_options": {"include_usage": "x"}}])
async def test_a_flag_is_true_or_false(live: LiveServer, body: dict[str, object]) -> None:
    response = await live.client.post("/v1/chat/completions", json={"messages": ASKED, **body})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_field")


async def test_the_model_in_the_list_can_be_asked(live: LiveServer) -> None:
    async with client_of(live) as client:
        names = [model.id async for model in client.models.list()]
        answer = await client.chat.completions.create(model=names[0], messages=ASKED)
    assert [answer.model] == names

"""The stand-in answers as the real API does, and fails as it is told."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import AsyncIterator

import httpx
import openai
import pytest

from tests.conftest import REPOSITORY
from tests.support.openai.stand_in import StandIn
from tests.support.openai.vectors import bag_of_words


@pytest.fixture
async def client(stand_in: StandIn) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="k", base_url=stand_in.base_url, max_retries=0) as client:
        yield client


async def test_vectors_are_bags_of_words_in_the_length_asked_for(stand_in: StandIn, client: openai.AsyncOpenAI) -> None:
    for encoding in ("float", openai.omit):  # left out, the SDK asks for base64
        answer = await client.embeddings.create(
            model="m",
            input=["a robot", "a robot moves"],
            dimensions=32,
            encoding_format=encoding,
        )
        assert [one.index for one in answer.data] == [0, 1]
        assert [one.embedding for one in answer.data] == [
            pytest.approx(bag_of_words("a robot", 32)),
            pytest.approx(bag_of_words("a robot moves", 32)),
        ]
        assert answer.usage.prompt_tokens == 5
    assert math.hypot(*bag_of_words("", 32)) == pytest.approx(1)
    assert stand_in.count("embeddings") == 2
    assert stand_in.seen[0].inputs == ["a robot", "a robot moves"]


async def test_embeddings_break_as_they_are_told(stand_in: StandIn) -> None:
    async def vectors() -> list[dict[str, object]]:
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{stand_in.base_url}/embeddings", json={"input": ["a", "b"], "dimensions": 8})
        return answer.json()["data"]

    stand_in.fail("embeddings", "wrong_length")
    assert [len(one["embedding"]) for one in await vectors()] == [7, 7]  # type: ignore[arg-type]
    stand_in.fail("embeddings", "nan")
    assert math.isnan((await vectors())[-1]["embedding"][0])  # type: ignore[index]
    stand_in.fail("embeddings", "out_of_order")
    assert [one["index"] for one in await vectors()] == [1, 0]
    stand_in.fail("embeddings", "too_many")
    assert len(await vectors()) == 3
    assert len(await vectors()) == 2


async def test_a_chat_is_streamed_or_whole(stand_in: StandIn, client: openai.AsyncOpenAI) -> None:
    stand_in.say(["Hel", "lo."])
    stand_in.say(["Hello."])
    async with await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Hi there"}], stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = [chunk async for chunk in stream]
    assert [chunk.choices[0].delta.content for chunk in chunks if chunk.choices] == ["", "Hel", "lo.", None]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (2, 2)
    whole = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    assert whole.choices[0].message.content == "Hello."


async def test_unscripted_it_quotes_the_passages_it_was_given_and_cites_them(client: openai.AsyncOpenAI) -> None:
    async def ask(prompt: str) -> str | None:
        answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])
        return answer.choices[0].message.content

    assert await ask('<passage n="1" url="x">\nArms bend.\nMore.\n</passage> <passage n="4">\nLegs.\n</passage>') == (
        "Arms bend. [1]. Legs. [4]."
    )
    assert await ask("nothing") == "[NO_ANSWER] The book does not say."


async def test_another_process_arms_it_over_http() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.openai.stand_in",
        "--dimensions",
        "8",
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout is not None
        base_url = (await process.stdout.readline()).decode().strip()
        control = base_url.replace("/v1", "/control")
        async with httpx.AsyncClient() as http:
            await http.post(f"{control}/fail", json={"endpoint": "embeddings", "failure": "rate_limited", "retry_after_s": 2})
            refused = await http.post(f"{base_url}/embeddings", json={"input": "a"})
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
            answer = await http.post(f"{base_url}/embeddings", json={"input": "a"})
            assert len(answer.json()["data"][0]["embedding"]) == 8
            seen = (await http.get(f"{control}/requests")).json()
            assert [(one["endpoint"], one["inputs"]) for one in seen] == [("embeddings", 1), ("embeddings", 1)]
            await http.post(f"{control}/say", json={"deltas": ["Hello."]})
            said = await http.post(f"{base_url}/chat/completions", json={"messages": []})
            assert said.json()["choices"][0]["message"]["content"] == "Hello."
            await http.post(f"{control}/reset", content=json.dumps({}))
            assert (await http.get(f"{control}/requests")).json() == []
    finally:
        process.terminate()
        await process.wait()

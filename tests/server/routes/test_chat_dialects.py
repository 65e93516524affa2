"""What of `/chat` is not native: text alone under `/chat/stream`, lines of JSON for those who accept them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

import pytest

from tests.support.fakes import make_services
from tests.support.live_server import LiveServer, frames_of, serving

ANSWER = "Joints move [1]."


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


@pytest.mark.parametrize("path", ["/chat/stream", "/api/chat/stream", "/api/v1/chat/stream"])
async def test_a_path_of_streams_sends_text_alone(live: LiveServer, path: str) -> None:
    text = (await live.ask(path=path)).text
    assert text.endswith("data: [DONE]\n\n")
    frames = frames_of(text.removesuffix("data: [DONE]\n\n"))
    assert all(frame.keys() == {"content", "chunk"} and frame["content"] == frame["chunk"] for frame in frames)
    assert "".join(frame["content"] for frame in frames) == ANSWER


async def test_the_first_chatbots_page_gets_its_own_frames_there_too(live: LiveServer) -> None:
    text = (await live.ask({"question": "What moves?", "context_window": 5}, path="/chat/stream")).text
    assert [frame["type"] for frame in frames_of(text)][-2:] == ["final", "done"]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "application/jsonl", "application/jsonl, application/json;q=0.5"])
@pytest.mark.parametrize("path", ["/chat", "/api/chat", "/chat/stream"])
async def test_lines_of_json_for_those_who_accept_them(live: LiveServer, accept: str, path: str) -> None:
    response = await live.ask(
        {"messages": [{"role": "user", "content": "What moves?"}], "sessionState": "s"}, path, Accept=accept
    )
    assert response.headers["content-type"] == accept.partition(",")[0]
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert "".join(line["delta"].get("content", "") for line in lines) == ANSWER
    assert (lines[0]["sessionState"], lines[-1]["context"]["cited"]) == ("s", [1])


@pytest.mark.parametrize("accept", ["application/json", "application/json, application/jsonl;q=0.5", "*/*"])
async def test_lines_are_not_for_those_who_rather_have_json(live: LiveServer, accept: str) -> None:
    response = await live.ask(path="/api/chat", Accept=accept)
    assert response.json()["answer"] == ANSWER


async def test_a_field_says_plainer_than_the_header_that_no_stream_is_wanted(live: LiveServer) -> None:
    response = await live.ask({"question": "What moves?", "stream": False}, Accept="application/jsonl")
    assert response.json()["answer"] == ANSWER

"""The AI SDK's route; its own client reads it in `tests/server/wire/`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from server.answering.events import AnswerIds
from shared.errors import ServiceError
from tests.support.fakes import FakeFinder, ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import LiveServer, serving

ASKED = {
    "id": "chat-1",
    "messages": [{"id": "1", "role": "user", "parts": [{"type": "text", "text": "What moves?"}]}],
    "trigger": "submit-message",
}


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


async def test_a_question_is_answered_as_a_ui_message_stream(live: LiveServer) -> None:
    response = await live.ask(ASKED, path="/api/ui-chat")
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *parts, done = response.text.removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    text = [json.loads(part.removeprefix("data: ")).get("delta", "") for part in parts]
    assert "".join(text) == "Joints move [1]."


async def test_the_chats_id_is_the_session(live: LiveServer) -> None:
    response = await live.ask(ASKED, path="/api/ui-chat")
    assert '"session_id":"chat-1"' in response.text
    response = await live.ask(ASKED | {"session_id": "ours"}, path="/api/ui-chat")
    assert '"session_id":"ours"' in response.text


async def test_an_answer_on_its_way_is_followed_from_its_beginning_by_who_asked_until_it_is_over() -> None:
    go, whole = asyncio.Event(), whole_answer(AnswerIds("s", "m", "r"))
    async with serving(make_services(answerer=ScriptedAnswerer(*whole[:3], go, *whole[3:]))) as live:
        assert (await live.client.get("/api/ui-chat/chat-1/stream")).status_code == 204
        async with live.client.stream("POST", "/api/ui-chat", json=ASKED) as first:
            asked = first.aiter_text()
            text = await anext(asked)
            assert (await live.client.get("/api/ui-chat/chat-2/stream")).status_code == 204
            async with live.client.stream("GET", "/api/ui-chat/chat-1/stream") as second:
                assert second.headers["x-vercel-ai-ui-message-stream"] == "v1"
                go.set()
                followed = "".join([piece async for piece in second.aiter_text()])
            text += "".join([piece async for piece in asked])
        assert (await live.client.get("/api/ui-chat/chat-1/stream")).status_code == 204
    assert followed == text
    assert followed.endswith("data: [DONE]\n\n")


async def test_a_failure_is_one_sentence_for_the_reader() -> None:
    finder = FakeFinder(failure=ServiceError("qdrant", "gone", transient=True))
    async with serving(make_services(finder=finder)) as live:
        response = await live.ask(ASKED, path="/api/ui-chat")
    assert response.status_code == 503
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == "The book's index is out of reach. Please try again in a moment."

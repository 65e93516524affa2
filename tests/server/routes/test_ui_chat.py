"""The AI SDK's route; its own client reads it in `tests/server/wire/`."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

import pytest

from shared.errors import ServiceError
from tests.support.fakes import FakeFinder, make_services
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


async def test_a_failure_is_one_sentence_for_the_reader() -> None:
    finder = FakeFinder(failure=ServiceError("qdrant", "gone", transient=True))
    async with serving(make_services(finder=finder)) as live:
        response = await live.ask(ASKED, path="/api/ui-chat")
    assert response.status_code == 503
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == "The book's index is out of reach. Please try again in a moment."

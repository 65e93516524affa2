"""Readers who leave, at any moment, over real sockets: nothing goes on for them, here or at the model."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from server.answering.generate import AnswerGenerator
from server.app import create_app
from server.models.openai_chat import OpenAIChat
from server.models.quoting.quoting_model import open_extractive
from server.services import Services
from shared.settings import Settings
from tests.support.fakes import ScriptedAnswerer, make_services
from tests.support.live_server import request_bytes, serving, until
from tests.support.openai.stand_in import StandIn

BODY = b'{"question": "What moves?"}'
LEAVERS = 60
SECRET = SecretStr("key")


@pytest.mark.parametrize("seed", range(3))
async def test_the_model_is_let_go_of_when_its_readers_leave_at_whatever_moment(stand_in: StandIn, seed: int) -> None:
    moments = random.Random(seed)
    stand_in.fail("chat", "stall", times=LEAVERS, seconds=5)
    services = answering_with(stand_in)
    async with serving(services) as live:

        async def leave(turns: int, *, abruptly: bool) -> None:
            async with live.connect() as (reader, writer):
                writer.write(request_bytes(BODY))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if not abruptly:
                    writer.write_eof()
                    await reader.read()  # ends once nothing runs for this connection any more

        leavers = [(moments.choice([0, 0, 1, 2, 5, 20, 100, 500]), moments.random() < 0.2) for _ in range(LEAVERS)]
        await asyncio.gather(*(leave(turns, abruptly=abruptly) for turns, abruptly in leavers))
        await until(lambda: services.limits.open_streams == 0 and all(seen.ended.is_set() for seen in stand_in.seen))
        assert all(seen.left_early for seen in stand_in.seen)


async def test_nothing_goes_on_for_a_reader_whose_leave_arrives_with_the_end_of_the_body() -> None:
    answerer = ScriptedAnswerer(asyncio.Event())
    services = make_services(answerer=answerer)
    arriving: deque[dict[str, Any]] = deque(
        [
            {"type": "http.request", "body": BODY[:5], "more_body": True},
            {"type": "http.request", "body": BODY[5:]},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, Any]:
        if len(arriving) == 2:
            for _ in range(20):  # the handler waits for the rest of the body, and for nothing else
                await asyncio.sleep(0)
        return arriving.popleft()

    async def send(event: dict[str, Any]) -> None:
        assert event["type"] == "http.response.start"

    scope = {
        "type": "http", "method": "POST", "path": "/chat", "query_string": b"", "root_path": "", "http_version": "1.1",
        "scheme": "http", "client": ("127.0.0.1", 1), "headers": [(b"host", b"localhost")],
    }  # fmt: skip
    asking = create_app(services.settings, services).asgi_app(scope, receive, send)
    done, _ = await asyncio.wait([asyncio.create_task(asking)], timeout=10)
    assert (len(done), services.limits.open_streams) == (1, 0)


def answering_with(stand_in: StandIn) -> Services:
    settings = Settings(max_streams=LEAVERS)
    model = OpenAIChat(name="gpt-4o-mini", base_url=stand_in.base_url, api_key=SECRET, count=len)
    answerer = AnswerGenerator(model=model, fallback=open_extractive(settings))
    return replace(services := make_services(settings=settings), answerer=answerer, closers=(*services.closers, model.aclose))

"""Clients that are not ours, over a real socket."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from httpx_sse import aconnect_sse

from server.answering.events import AnswerIds
from tests.support.fakes import ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import frames_of, serving, until

CURL = shutil.which("curl")


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
async def test_curl_shows_the_answer_while_it_is_written() -> None:
    assert CURL is not None
    whole, go = whole_answer(AnswerIds("s", "m", "r")), asyncio.Event()
    async with serving(make_services(answerer=ScriptedAnswerer(*whole[:3], go, *whole[3:]))) as live:
        curl = await asyncio.create_subprocess_exec(
            CURL, "-sN", f"http://127.0.0.1:{live.port}/chat", "-H", "Content-Type: application/json",
            "-d", '{"question": "What moves?"}', stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert curl.stdout is not None
        first = await curl.stdout.readuntil(b'"content":"Joints "')
        go.set()
        rest = await curl.stdout.read()
        assert await curl.wait() == 0
    kinds = [frame["type"] for frame in frames_of((first + rest).decode())]
    assert kinds == ["start", "sources", "chunk", "chunk", "done"]


async def test_httpx_sse_reads_every_event_and_takes_a_broken_stream_up_again() -> None:
    body = {"question": "What moves?", "stream": True}
    async with serving(make_services()) as live:
        async with aconnect_sse(live.client, "POST", "/chat", json=body) as source:
            events = [event async for event in source.aiter_sse()]
        headers = {"Last-Event-ID": events[1].id}
        async with aconnect_sse(live.client, "POST", "/chat", json=body, headers=headers) as source:
            rest = [event async for event in source.aiter_sse()]
    assert [event.json()["type"] for event in events] == ["start", "sources", "chunk", "chunk", "done"]
    assert [(event.id, event.data) for event in rest] == [(event.id, event.data) for event in events[2:]]


async def test_httpx_sse_that_leaves_ends_the_answer() -> None:
    answerer = ScriptedAnswerer(*whole_answer(AnswerIds("s", "m", "r"))[:3], asyncio.Event())
    services = make_services(answerer=answerer)
    async with serving(services) as live:
        async with aconnect_sse(live.client, "POST", "/chat", json={"question": "What moves?"}) as source:
            await anext(source.aiter_sse())
        await until(lambda: answerer.closed.is_set() and services.limits.open_streams == 0)

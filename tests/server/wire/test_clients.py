"""Clients that are not ours, over a real socket."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from server.answering.events import AnswerIds
from tests.support.fakes import ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import frames_of, serving

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

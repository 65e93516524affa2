from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest
from structlog.testing import capture_logs

from server.answering.events import AnswerIds
from server.answering.pacing import Timing
from shared.errors import NotBuiltError, ServiceError
from shared.models import Progress, Step
from shared.settings import Settings
from tests.support.fakes import (
    FakeFinder,
    PrefectStandIn,
    ScriptedAnswerer,
    make_build,
    make_chunk,
    make_services,
    whole_answer,
)
from tests.support.live_server import LiveServer, frames_of, request_bytes, serving, text_of, until

IDS = AnswerIds("s", "m", "r")
WHOLE = ["start", "sources", "chunk", "chunk", "done"]
CUT = ["start", "sources", "chunk", "error", "done"]


def kinds_of(stream: str) -> list[str]:
    return [frame["type"] for frame in frames_of(stream)]


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


async def test_a_question_is_answered_as_a_stream(live: LiveServer) -> None:
    response = await live.ask()
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in response.headers
    assert kinds_of(response.text) == WHOLE
    assert text_of(response.text) == "Joints move [1]."


async def test_event_ids_count_from_one(live: LiveServer) -> None:
    response = await live.ask()
    assert re.findall(r"^id: (.+)$", response.text, re.MULTILINE) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("body", "headers"), [({"stream": False}, {}), ({}, {"Accept": "application/json"})])
async def test_one_json_answer_for_those_who_ask(live: LiveServer, body: dict[str, bool], headers: dict[str, str]) -> None:
    response = await live.ask({"question": "What moves?", "session_id": "s"} | body, **headers)
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert (answer["answer"], answer["session_id"], answer["cited"]) == ("Joints move [1].", "s", [1])
    assert answer["sources"][0]["url"] == "https://example.github.io/book/docs/intro#joints"


async def test_every_write_is_whole_frames() -> None:
    gates = [asyncio.Event() for _ in range(3)]
    whole = whole_answer(IDS, "x" * 3000)
    steps = [whole[0], gates[0], whole[1], gates[1], whole[2], gates[2], whole[3]]
    async with serving(make_services(answerer=ScriptedAnswerer(*steps))) as live, live.connect() as (reader, writer):
        writer.write(request_bytes(b'{"question": "What moves?"}'))
        await reader.readuntil(b"\r\n\r\n")
        ids, is_done = 0, False
        while not is_done:
            size = int(await reader.readline(), 16)
            written = (await reader.readexactly(size + 2))[:-2]
            assert written.endswith(b"\n\n")
            for frame in written[:-2].split(b"\n\n"):
                ids += 1
                assert len(frame) < 1200
                assert frame.startswith(b"id: %d\ndata: " % ids)
                assert frame.count(b"data: ") == 1
            for gate in gates[:ids]:
                gate.set()
            is_done = b'"done":true' in written
        assert ids == 6


async def test_tokens_that_are_ready_together_are_one_write_of_whole_frames_and_still_one_event_each() -> None:
    texts = [f"word {n} " for n in range(200)]
    answerer = ScriptedAnswerer(*whole_answer(IDS, *texts))
    async with serving(make_services(answerer=answerer)) as live, live.connect() as (reader, writer):
        writer.write(request_bytes(b'{"question": "What moves?"}'))
        await reader.readuntil(b"\r\n\r\n")
        writes: list[bytes] = []
        while size := int(await reader.readline(), 16):
            writes.append((await reader.readexactly(size + 2))[:-2])
    assert all(write.startswith(b"id: ") and write.endswith(b"\n\n") and len(write) <= 1200 for write in writes)
    assert [frame["content"] for frame in frames_of(b"".join(writes).decode())[2:-1]] == texts
    assert len(writes) < len(texts) / 5


async def test_silence_is_filled_with_pings_before_the_first_event() -> None:
    go = asyncio.Event()
    services = make_services(answerer=ScriptedAnswerer(go, *whole_answer(IDS)), timing=Timing(heartbeat_s=0.02))
    async with serving(services) as live, live.client.stream("POST", "/chat", json={"question": "What moves?"}) as response:
        text = ""
        async for piece in response.aiter_text():
            text += piece
            if text == ": ping\n" * 2:
                go.set()
    assert text.startswith(": ping\n: ping\n")
    assert kinds_of(text) == WHOLE


async def test_a_reader_who_leaves_ends_the_answer() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    services = make_services(answerer=answerer)
    with capture_logs() as lines:
        async with serving(services) as live:
            async with live.client.stream("POST", "/chat", json={"question": "What moves?"}) as response:
                await anext(response.aiter_text())
            await until(lambda: answerer.closed.is_set() and services.limits.open_streams == 0)
    answered = [line for line in lines if line["event"] == "answered"]
    assert [(line["client_left"], line["finish_reason"]) for line in answered] == [(True, None)]


async def test_a_reader_who_leaves_behind_a_second_request_is_noticed_at_the_next_ping() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    async with serving(make_services(answerer=answerer, timing=Timing(heartbeat_s=0.05))) as live:
        async with live.connect() as (reader, writer):
            writer.write(request_bytes(b'{"question": "What moves?"}') * 2)
            await reader.readuntil(b'"chunk"')
        await until(lambda: answerer.closed.is_set() and live.services.limits.open_streams == 0)


async def test_a_reader_who_never_reads_is_let_go() -> None:
    whole = whole_answer(IDS, *["x" * 1000] * 20_000)
    services = make_services(answerer=ScriptedAnswerer(*whole), timing=Timing(deadline_s=1.0, slow_reader_s=0.2))
    async with serving(services) as live, live.connect() as (reader, writer):
        writer.write(request_bytes(b'{"question": "What moves?"}'))
        await reader.readuntil(b'"start"')
        writer.transport.pause_reading()
        await until(lambda: services.limits.open_streams == 0)


async def test_the_deadline_ends_a_stream_with_an_error_and_done() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    async with serving(make_services(answerer=answerer, timing=Timing(deadline_s=1.0))) as live:
        response = await live.ask()
        assert kinds_of(response.text) == CUT
        assert frames_of(response.text)[3]["error"] == "deadline_exceeded"
        response = await live.ask({"question": "What moves?", "stream": False})
        assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


async def test_a_stream_may_outlast_quarts_own_timeout() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], 0.3, *whole_answer(IDS)[3:])
    async with serving(make_services(answerer=answerer), RESPONSE_TIMEOUT=0.05) as live:
        assert kinds_of((await live.ask()).text) == WHOLE


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (ServiceError("qdrant", "secret", transient=True), 503, "index_unavailable"),
        (ServiceError("embeddings", "secret", transient=False), 502, "upstream_unavailable"),
        (TimeoutError("secret"), 504, "timeout"),
        (RuntimeError("secret"), 500, "internal_error"),
    ],
)
async def test_a_failure_before_the_first_byte_is_an_honest_status(failure: Exception, status: int, code: str) -> None:
    finder = FakeFinder(make_chunk(), build=make_build(), failure=failure)
    async with serving(make_services(finder=finder)) as live:
        response = await live.ask()
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text


async def test_a_failure_after_it_is_told_and_the_stream_ends_properly() -> None:
    failure = ServiceError("openai", "key sk-secret is wrong", transient=True)
    async with serving(make_services(answerer=ScriptedAnswerer(failure))) as live:
        response = await live.ask()
        assert response.status_code == 200
        assert kinds_of(response.text) == CUT
        assert text_of(response.text) != ""
        assert frames_of(response.text)[3]["retryable"] is True
        assert "sk-secret" not in response.text
        response = await live.ask({"question": "What moves?", "stream": False})
        assert (response.status_code, response.json()["code"]) == (503, "upstream_unavailable")
        assert "retry-after" in response.headers


async def test_a_book_not_read_yet_gives_an_answer_with_the_progress() -> None:
    prefect = PrefectStandIn()
    step = Step(name="read", state="running", done=3, total=22, unit="files")
    prefect.add_progress(prefect.add_run(), Progress(steps=(step,)))
    async with serving(make_services(finder=FakeFinder(failure=NotBuiltError("No.")), prefect=prefect)) as live:
        response = await live.ask()
        assert response.status_code == 200
        assert kinds_of(response.text) == ["start", "sources", "chunk", "done"]
        assert frames_of(response.text)[-1]["abstained"] is True
        assert "reading its pages (3 of 22 files)" in text_of(response.text)
        prefect.is_away = True
        response = await live.ask({"question": "What moves?", "stream": False})
        assert response.json()["answer"].startswith("The book has not been read yet")


async def test_a_selection_reaches_retrieval_apart_from_the_question() -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with serving(make_services(finder=finder)) as live:
        body = {"question": "Why?", "selected_text": "A joint.", "surrounding_context": "An arm. A joint."}
        assert kinds_of((await live.ask(body, path="/chat/selection")).text) == WHOLE
        refused = await live.ask({"question": "Why?"}, path="/chat/selection")
    assert (refused.status_code, refused.json()["code"]) == (400, "selection_missing")
    (asked,) = finder.requests
    assert (asked.question, asked.selected_text, asked.surrounding_context) == ("Why?", "A joint.", "An arm. A joint.")


async def test_the_stable_session_header_wins(live: LiveServer) -> None:
    response = await live.ask({"question": "Why?", "session_id": "changes"}, X_Anonymous_Session_ID="stable")
    assert frames_of(response.text)[0]["session_id"] == "stable"


async def test_a_broken_connection_is_taken_up_where_it_broke(live: LiveServer) -> None:
    whole = (await live.ask()).text
    again = (await live.ask(Last_Event_ID="3")).text
    assert again == whole[whole.index("id: 4") :]
    other = (await live.ask({"question": "Another?"}, Last_Event_ID="3")).text
    assert kinds_of(other) == WHOLE


async def test_an_answer_cut_off_by_its_reader_ends_with_an_error_when_taken_up() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    async with serving(make_services(answerer=answerer)) as live:
        async with live.client.stream("POST", "/chat", json={"question": "What moves?"}) as response:
            async for piece in response.aiter_text():
                if '"chunk"' in piece:
                    break
        await until(lambda: answerer.closed.is_set() and live.services.limits.open_streams == 0)
        again = await live.ask(Last_Event_ID="2")
    assert kinds_of(again.text) == ["chunk", "error", "done"]
    assert frames_of(again.text)[1]["error"] == "connection_lost"


@pytest.mark.one_server
async def test_streams_over_the_cap_are_refused_until_one_ends() -> None:
    go = asyncio.Event()
    answerer = ScriptedAnswerer(go, *whole_answer(IDS))
    async with serving(make_services(settings=Settings(max_streams=1), answerer=answerer)) as live:
        first = asyncio.create_task(live.ask())
        await answerer.opened.wait()
        refused = await live.ask()
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert refused.headers["retry-after"] == "5"
        go.set()
        assert kinds_of((await first).text) == WHOLE
        assert kinds_of((await live.ask()).text) == WHOLE


async def test_when_the_service_goes_down_answers_end_properly_and_new_ones_are_refused() -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    services = make_services(answerer=answerer)
    async with serving(services) as live:
        running = asyncio.create_task(live.ask())
        await answerer.opened.wait()
        live.stop.set()
        await until(live.is_draining)
        assert (await live.client.get("/health/ready")).status_code == 503
        refused = await live.ask()
        assert (refused.status_code, refused.json()["code"]) == (503, "shutting_down")
        services.drain.closing.set()
        stream = (await running).text
    assert kinds_of(stream) == CUT
    assert frames_of(stream)[3]["error"] == "shutting_down"

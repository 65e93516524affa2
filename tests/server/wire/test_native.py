from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.answering.events import ChatEvent, CitedSource, Done, Failed, Sources, Start, TextDelta, Usage
from server.wire import native
from tests.support.fakes import make_source


def payload(frame: bytes) -> dict[str, Any]:
    first, second, *rest = frame.decode().split("\n")
    assert first.startswith("id: ")
    assert rest == ["", ""]
    return json.loads(second.removeprefix("data: "))


def test_a_whole_answer_byte_for_byte() -> None:
    url = "https://host/docs/x#joints"
    source = CitedSource(n=1, title="Arms", chapter="Robots", section="Joints", url=url, score=0.61, quote="They turn.")
    events: list[ChatEvent] = [
        Start(session_id="s", message_id="m", metadata={"mode": "chat", "retrieved_chunks": 5, "model": "gpt-4o-mini"}),
        Sources(sources=(source,)),
        TextDelta(content='Physical "AI"\n☃ '),
        Failed(error="upstream_unavailable", message="Gone.", retryable=True, request_id="r"),
        Done(
            session_id="s",
            message_id="m",
            finish_reason="error",
            abstained=False,
            cited=(1,),
            sources=(source,),
            suggestions=("Why?",),
            usage=Usage(prompt_tokens=7, completion_tokens=2, cost_usd=None),
            metadata={"ttft": 0.6},
        ),
    ]
    assert b"".join(native.encode(event, n) for n, event in enumerate(events, 1)).decode() == (
        'id: 1\ndata: {"type":"start","content":"","done":false,"session_id":"s","message_id":"m",'
        '"metadata":{"mode":"chat","retrieved_chunks":5,"model":"gpt-4o-mini"}}\n\n'
        'id: 2\ndata: {"type":"sources","content":"","done":false,"sources":[{"n":1,"title":"Arms","chapter":"Robots",'
        '"section":"Joints","url":"https://host/docs/x#joints","score":0.61,"quote":"They turn."}]}\n\n'
        'id: 3\ndata: {"type":"chunk","content":"Physical \\"AI\\"\\n☃ ","done":false}\n\n'
        'id: 4\ndata: {"type":"error","content":"","done":false,"error":"upstream_unavailable","message":"Gone.",'
        '"retryable":true,"request_id":"r"}\n\n'
        'id: 5\ndata: {"type":"done","content":"","done":true,"session_id":"s","message_id":"m","finish_reason":"error",'
        '"abstained":false,"degraded":false,"cited":[1],"sources":[{"n":1,"chapter":"Robots","section":"Joints",'
        '"url":"https://host/docs/x#joints"}],"suggestions":["Why?"],'
        '"usage":{"prompt_tokens":7,"completion_tokens":2,"cost_usd":null},"metadata":{"ttft":0.6}}\n\n'
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=4000))
def test_any_text_is_split_into_small_frames_that_say_the_same(text: str) -> None:
    frames = [native.encode(part, n) for n, part in enumerate(native.fit(TextDelta(content=text)), 1)]
    assert all(len(frame) < native.FRAME_BYTES for frame in frames)
    assert "".join(payload(frame)["content"] for frame in frames) == text


def test_small_events_are_passed_on_as_they_are() -> None:
    event = Sources(sources=(make_source(1), make_source(2)))
    assert native.fit(event) == [event]


@pytest.mark.parametrize("count", [5, 8, 20])
def test_sources_that_are_too_many_or_too_long_become_one_small_frame_that_begins_with_the_best(count: int) -> None:
    sources = tuple(
        make_source(n, width=300, url=f"https://example.github.io/a-book/docs/chapter-{n}#part") for n in range(1, count + 1)
    )
    (event,) = native.fit(Sources(sources=sources))
    frame = native.encode(event, 2)
    kept = payload(frame)["sources"]
    assert len(frame) < native.SOURCES_BYTES
    assert len(kept) >= 5
    assert [source["n"] for source in kept] == list(range(1, len(kept) + 1))
    assert kept[0]["url"] == sources[0].url


def test_a_long_done_keeps_its_sources_and_drops_suggestions_first() -> None:
    sources = tuple(make_source(n, width=80) for n in range(1, 7))
    done = Done(
        session_id="s" * 128,
        message_id="m",
        finish_reason="stop",
        abstained=False,
        cited=(1, 2, 3, 4, 5, 6),
        sources=sources,
        suggestions=("Why? " * 40,) * 3,
    )
    (event,) = native.fit(done)
    frame = native.encode(event, 9)
    assert len(frame) < native.SOURCES_BYTES
    assert [source["n"] for source in payload(frame)["sources"]] == [1, 2, 3, 4, 5, 6]


def test_long_messages_and_metadata_are_clipped() -> None:
    start = Start(session_id="s", message_id="m", metadata={"query": "x" * 4000, "retrieved_chunks": 3})
    failed = Failed(error="e", message="y" * 4000, retryable=False, request_id="r")
    for event in (start, failed):
        (small,) = native.fit(event)
        assert len(native.encode(small, 1)) < native.FRAME_BYTES
    (small_start,) = native.fit(start)
    assert isinstance(small_start, Start)
    assert small_start.metadata["retrieved_chunks"] == 3


def test_half_a_surrogate_pair_does_not_break_the_stream() -> None:
    assert payload(native.encode(TextDelta(content="a\ud83db"), 1))["content"] == "a?b"

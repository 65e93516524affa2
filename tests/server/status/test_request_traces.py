"""A question as one trace: from the reader's click through the search to the model upstream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from server.services import open_services
from shared import tracing
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.shared.test_tracing import CLIENT
from tests.support.live_server import LiveServer, frames_of, serving
from tests.support.openai.stand_in import StandIn
from tests.support.openai.vectors import bag_of_words
from tests.support.sample_builds import make_build
from tests.support.small_book import read
from tests.support.telemetry.otlp_collector import OtlpCollector

PAGES = {"grippers.md": "# Grippers\n\nThe gripper moves three joints.\n\n## Fingers\n\nA gripper has two fingers.\n"}
FOLLOW_UP = {
    "question": "And what does it hold?",
    "history": [{"role": "user", "content": "How many fingers has a gripper?"}, {"role": "assistant", "content": "Two."}],
}


@asynccontextmanager
async def traced(folder: Path, stand_in: StandIn, **changed: Any) -> AsyncGenerator[tuple[LiveServer, OtlpCollector]]:
    """A server that is traced; the collector has it all when this is left."""
    async with OtlpCollector.running() as collector:
        given = {
            "data_dir": folder, "openai_api_key": "sk-secret", "openai_base_url": stand_in.base_url,
            "embedding_model": "hand-made", "embedding_dimensions": stand_in.dimensions,
            "prefect_api_url": "http://127.0.0.1:1/api", "otel_exporter_otlp_endpoint": collector.address,
        }  # fmt: skip
        settings = Settings.model_validate(given | changed)
        chunks = read(PAGES)
        writer = open_index(settings)
        dense = [bag_of_words(chunk.content, stand_in.dimensions) for chunk in chunks]
        await writer.publish(make_build(chunks, dimensions=stand_in.dimensions), chunks, dense)
        await writer.aclose()
        end = tracing.begin(settings, "lectern")
        try:
            async with serving(open_services(settings)) as live:
                yield live, collector
        finally:
            await asyncio.to_thread(end)


async def test_a_question_is_one_trace_from_the_click_to_the_model(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in.say(["What does a gripper ", "hold?"])
    stand_in.say(["Nothing ", "[1]."])
    async with traced(tmp_path, stand_in) as (live, collector):
        answer = await live.ask(FOLLOW_UP, traceparent=CLIENT)
        assert frames_of(answer.text)[-1]["finish_reason"] == "stop"
        await live.client.get("/health")
    trace, click = CLIENT.split("-")[1:3]
    asked = collector.named("POST /chat")
    mine = [span for span in collector.spans if span.trace_id == trace]
    assert (asked.parent_id, asked.kind) == (click, 2)
    assert asked.attributes == {"http.request.method": "POST", "http.route": "/chat", "http.response.status_code": 200}
    pieces = {(span.name, collector.parent_of(span)) for span in mine}
    assert pieces == {
        ("POST /chat", ""),
        ("retrieve", "POST /chat"),
        ("rewrite", "retrieve"),
        ("chat gpt-4o-mini", "rewrite"),
        ("embed", "retrieve"),
        ("embeddings hand-made", "embed"),
        ("search", "retrieve"),
        ("fuse", "retrieve"),
        ("prompt", "POST /chat"),
        ("chat gpt-4o-mini", "POST /chat"),
        ("first token", "chat gpt-4o-mini"),
        ("stream", "chat gpt-4o-mini"),
    }
    chats = [span for span in mine if span.name == "chat gpt-4o-mini"]
    assert {collector.parent_of(span) for span in chats} == {"rewrite", "POST /chat"}
    answered = next(span for span in chats if collector.parent_of(span) == "POST /chat")
    usage = frames_of(answer.text)[-1]["usage"]
    assert answered.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
        "server.address": "127.0.0.1", "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": usage["prompt_tokens"], "gen_ai.usage.output_tokens": usage["completion_tokens"],
    }  # fmt: skip
    first, stream = (
        next(one for one in mine if one.name == name and one.parent_id == answered.span_id)
        for name in ("first token", "stream")
    )
    assert answered.began <= first.began <= first.ended <= stream.began <= stream.ended <= answered.ended <= asked.ended
    calls = {span.span_id for span in mine if "gen_ai.operation.name" in span.attributes}
    told = {tuple(request.headers["traceparent"].split("-")[1:3]) for request in stand_in.seen if request.endpoint != "models"}
    assert {(trace, call) for call in calls} == {one for one in told if one[0] == trace}
    assert len(calls) == 3


async def test_a_trace_holds_nothing_that_was_asked_found_or_said(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in.say(["Xyzzy ", "[1]."])
    async with traced(tmp_path, stand_in) as (live, collector):
        await live.ask({"question": "How many plugh joints has a gripper?", "session_id": "secret-session"})
        await live.client.get("/search", params={"q": "plugh joints"})
        await live.client.get("/chat", params={"question": "plugh"})
    assert {"POST /chat", "GET /search", "GET /chat"} <= {span.name for span in collector.spans}
    for word in (b"plugh", b"ripper", b"joints", b"yzzy", b"secret"):
        assert word not in collector.raw


async def test_a_model_that_breaks_off_is_a_failed_call(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in.fail("chat", "cut", after=1)
    async with traced(tmp_path, stand_in) as (live, collector):
        await live.ask({"question": "How many joints has a gripper?"})
        await live.client.get("/nowhere/else")
    call = collector.named("chat gpt-4o-mini")
    assert (call.has_failed, call.attributes["error.type"]) == (True, "connection")
    assert collector.named("GET /<page:address>").attributes["http.response.status_code"] == 404


async def test_those_who_watch_are_not_traced(tmp_path: Path, stand_in: StandIn) -> None:
    async with traced(tmp_path, stand_in, metrics_open=True) as (live, collector):
        for path in ("/health", "/health/ready", "/metrics"):
            await live.client.get(path)
    assert [span.name for span in collector.spans if span.kind == 2] == []

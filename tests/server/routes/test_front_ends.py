"""Published front ends, by what they send and what they read; success is that only the address has to change."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx
import pytest

from server.answering.events import AnswerIds
from server.http import names
from shared.errors import ServiceError
from shared.settings import Settings
from tests.conftest import MEASURING_DATA
from tests.support.fakes import FakeFinder, ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import LiveServer, frames_of, serving

ANSWER = "Joints move [1]."
FIRST_WIDGET = {"message": "What moves?", "session_id": "s1", "context_window": 5}
"""The body of the first chatbot's own page."""


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


async def test_a_front_end_gets_its_answer_its_citations_and_its_conversation_in_one_object(live: LiveServer) -> None:
    response = await live.client.post("/api/chat", json={"message": "What moves?", "page_context": "/intro"})
    answer = response.json()
    assert answer["response"] == ANSWER
    assert [citation["page_url"] for citation in answer["citations"]] == ["https://example.github.io/book/docs/intro#joints"]
    assert {"text", "source"} <= set(answer["citations"][0])
    assert answer["conversation_id"] == answer["session_id"] != ""
    assert datetime.fromisoformat(answer["timestamp"]).tzinfo is not None
    assert answer["metadata"]["sources"] == answer["sources"] != []


@pytest.mark.parametrize("prefix", ["", *names.PREFIXES])
@pytest.mark.parametrize("path", names.CHAT)
async def test_every_path_of_a_chat_answers_with_json_or_streams_when_asked(live: LiveServer, prefix: str, path: str) -> None:
    for address in (prefix + path, f"{prefix}{path}/"):
        response = await live.client.post(address, json={"query": "What moves?"})
        assert (response.status_code, response.json()["answer"]) == (200, ANSWER)
    streamed = await live.client.post(prefix + path, json={"query": "What moves?", "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    streamed = await live.client.post(f"{prefix}{path}/stream", json={"query": "What moves?"})
    assert streamed.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("prefix", ["", *names.PREFIXES])
@pytest.mark.parametrize("path", names.CHAT_ABOUT_SELECTION)
async def test_every_path_of_a_selection_needs_one(live: LiveServer, prefix: str, path: str) -> None:
    body = {"query": "What moves?", "selected_text": "A robot has joints."}
    assert (await live.client.post(prefix + path, json=body)).json()["answer"] == ANSWER
    assert (await live.client.post(prefix + path, json={"query": "What moves?"})).json()["code"] == "selection_missing"


@pytest.mark.parametrize("name", ["selected", "text", "context"])
async def test_a_path_of_selections_takes_one_under_a_name_that_means_other_things_elsewhere(
    live: LiveServer, name: str
) -> None:
    body = {"question": "What moves?", name: "A robot has joints."}
    assert (await live.client.post("/ask-selection", json=body)).json()["answer"] == ANSWER
    assert live.services.finder.requests[-1].selected_text == "A robot has joints."  # pyright: ignore
    await live.client.post("/ask", json=body)
    assert live.services.finder.requests[-1].selected_text is None  # pyright: ignore


async def test_everything_else_is_under_the_prefixes_too(live: LiveServer) -> None:
    for prefix in names.PREFIXES:
        assert (await live.client.get(f"{prefix}/health")).json()["status"] == "ok"
        assert (await live.client.get(f"{prefix}/search?q=x")).status_code == 200
        assert (await live.client.post(f"{prefix}/ingest", json={})).status_code == 503


async def test_other_paths_are_no_entries_of_the_document(live: LiveServer) -> None:
    paths = (await live.client.get("/openapi.json")).json()["paths"]
    assert [path for path in paths if path.startswith(("/api/chat", "/ask", "/v1/health"))] == []
    assert paths["/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"].get("required") is None


async def test_a_request_under_another_path_is_counted_as_the_one_it_is(live: LiveServer) -> None:
    await live.client.post("/api/v1/query", json={"query": "What moves?"})
    metrics = (await live.client.get("/metrics")).text
    assert 'route="/chat"' in metrics
    assert "/api/v1/query" not in metrics


async def test_chat_answers_with_json_where_the_setting_says_so() -> None:
    async with serving(make_services(settings=Settings(chat_default="json"))) as live:
        assert (await live.ask()).json()["response"] == ANSWER
        assert (await live.ask({"question": "What moves?", "stream": True})).headers["content-type"].startswith("text/event")


async def test_the_first_chatbots_page_gets_its_sources_in_a_final_frame(live: LiveServer) -> None:
    frames = frames_of((await live.ask(FIRST_WIDGET)).text)
    assert [frame["type"] for frame in frames] == ["start", "sources", "chunk", "chunk", "final", "done"]
    assert (frames[-2]["answer"], frames[-2]["sources"][0]["n"]) == (ANSWER, 1)
    assert "".join(frame["content"] for frame in frames) == ANSWER
    others = frames_of((await live.ask({"message": "What moves?", "session_id": "s1"})).text)
    assert "final" not in {frame["type"] for frame in others}


@pytest.mark.parametrize(
    "failure", [ServiceError("qdrant", "away", transient=True, code="unavailable"), RuntimeError("a fault of ours")]
)
async def test_the_first_chatbots_page_is_told_of_a_failure_in_the_stream(failure: Exception) -> None:
    async with serving(make_services(finder=FakeFinder(failure=failure))) as live:
        refused = await live.ask()
        assert refused.status_code >= 500
        told = await live.ask(FIRST_WIDGET)
    frames = frames_of(told.text)
    assert (told.status_code, [frame["type"] for frame in frames]) == (200, ["start", "sources", "chunk", "error", "done"])
    assert frames[2]["content"] == frames[3]["message"] == refused.json()["detail"]


async def test_the_first_chatbots_page_is_told_of_a_limit_in_the_stream() -> None:
    async with serving(make_services(settings=Settings(environment="production", requests_per_minute=1))) as live:
        assert (await live.ask(FIRST_WIDGET)).status_code == 200
        frames = frames_of((await live.ask(FIRST_WIDGET)).text)
        assert frames[-2]["error"] == "rate_limited"
        assert (await live.ask({"question": "What moves?"})).status_code == 429


async def test_the_first_chatbots_page_reads_the_end_of_a_broken_answer() -> None:
    whole = whole_answer(AnswerIds("s", "m", "r"))
    async with serving(make_services(answerer=ScriptedAnswerer(*whole[:3], RuntimeError("broken")))) as live:
        kinds = [frame["type"] for frame in frames_of((await live.ask(FIRST_WIDGET)).text)]
    assert kinds == ["start", "sources", "chunk", "error", "final", "done"]


async def test_a_browsers_event_source_reads_an_answer_and_is_told_to_stay_away_after_it(live: LiveServer) -> None:
    asked = {"question": "What moves?"}
    response = await live.client.get("/chat", params=asked)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [frame["type"] for frame in frames_of(response.text)][-1] == "done"
    again = await live.client.get("/chat", params=asked, headers={"Last-Event-ID": "5"})
    assert (again.status_code, again.content) == (204, b"")
    missed = await live.client.get("/chat", params=asked, headers={"Last-Event-ID": "3"})
    assert [frame["type"] for frame in frames_of(missed.text)] == ["chunk", "done"]
    unknown = await live.client.get("/chat", params={"question": "Else?"}, headers={"Last-Event-ID": "3"})
    assert unknown.status_code == 204


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
async def test_another_sites_page_cannot_ask_by_an_address(live: LiveServer, headers: dict[str, str]) -> None:
    response = await live.client.get("/chat", params={"question": "What moves?"}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")


def calls() -> list[Any]:
    """How published front ends of this kind of book call their backend, where the list is at hand."""
    listed = MEASURING_DATA / "front-ends" / "calls.json"
    found = json.loads(listed.read_text(encoding="utf-8"))["calls"] if listed.is_file() else []
    return [pytest.param(call, id=f"{n} {call['path']}") for n, call in enumerate(found)] or [
        pytest.param(None, marks=pytest.mark.skip(reason="the calls of published front ends are not beside the checkout"))
    ]


@pytest.mark.parametrize("call", calls())
async def test_a_published_front_end_shows_the_answer(live: LiveServer, call: dict[str, Any]) -> None:
    texts = {"Q": "What moves?", "S": "A robot has joints."}
    body = {name: texts.get(value, value) if isinstance(value, str) else value for name, value in call["body"].items()}
    headers = {name: value.strip() for name, value in call["headers"].items()}  # as a browser does
    response = await live.client.post(call["path"], json=body, headers=headers)
    assert response.status_code == 200
    if "event-stream" in call["shows"]:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert ANSWER in _text(response)
        return
    answer = response.json()
    for shown in call["shows"].split(","):
        value: Any = answer
        for name in shown.split("|")[0].strip().split("."):
            value = value[name]
        assert value == ANSWER or value == answer["sources"]


def _text(response: httpx.Response) -> str:
    return "".join(frame.get("content", "") for frame in frames_of(response.text.replace("data: [DONE]\n\n", "")))

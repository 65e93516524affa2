"""The book at `/mcp`, as the SDK's own client meets it: over a socket, in both generations of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from server.services import open_services
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.server.agents.test_texts import ARMS, INTRO, PAGES
from tests.support.fakes import ScriptedAnswerer, make_services
from tests.support.live_server import LiveServer, serving, until
from tests.support.openai.stand_in import StandIn
from tests.support.sample_builds import make_build
from tests.support.small_book import read

Mode = Literal["auto", "legacy"]
JOINTS = "How many joints does a gripper move?"


@asynccontextmanager
async def serving_book(folder: Path, pages: dict[str, str], **changed: Any) -> AsyncGenerator[LiveServer]:
    settings = Settings.model_validate({"data_dir": folder, "prefect_api_url": "http://127.0.0.1:1/api"} | changed)
    chunks = read(pages)
    writer = open_index(settings)
    await writer.publish(make_build(chunks, dimensions=None), chunks, None)
    await writer.aclose()
    async with serving(open_services(settings)) as live:
        yield live


def client_of(live: LiveServer, mode: Mode = "auto") -> Client:
    return Client(f"http://127.0.0.1:{live.port}/mcp", mode=mode)


def text_in(result: Any) -> str:
    (content,) = result.content
    return content.text


@pytest.fixture
async def live(tmp_path: Path) -> AsyncGenerator[LiveServer]:
    async with serving_book(tmp_path, PAGES, book_title="Robots for all") as server:
        yield server


in_both_generations = pytest.mark.parametrize("mode", ["auto", "legacy"])
"""Of the protocol: without a handshake, and with one."""


@in_both_generations
async def test_the_tools_say_what_they_take_and_that_they_change_nothing(live: LiveServer, mode: Mode) -> None:
    async with client_of(live, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["search_book", "read_page", "list_pages", "ask_book"]
        assert tools["ask_book"].input_schema["required"] == ["question"]
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        assert client.server_info.title == "Robots for all"


@in_both_generations
async def test_a_search_gives_places_with_their_addresses(live: LiveServer, mode: Mode) -> None:
    async with client_of(live, mode) as client:
        found = (await client.call_tool("search_book", {"query": "gripper joints"})).structured_content
        assert found["answerable"] is True
        assert found["places"][0]["url"] == "https://robots.example/book/docs/intro#joints"
        assert found["places"][0]["text"] == "## Joints\n\nA gripper moves three joints."
        elsewhere = (await client.call_tool("search_book", {"query": "gripper joints", "path": "part"})).structured_content
        assert {place["path"] for place in elsewhere["places"]} <= {"part/arms.mdx"}


@in_both_generations
async def test_an_answer_cites_the_book(live: LiveServer, mode: Mode) -> None:
    async with client_of(live, mode) as client:
        answer = (await client.call_tool("ask_book", {"question": JOINTS})).structured_content
        assert "A gripper moves three joints. [1]" in answer["answer"]
        assert [source["url"] for source in answer["sources"]] == ["https://robots.example/book/docs/intro#joints"]
        assert (answer["abstained"], answer["degraded"]) == (False, False)


@in_both_generations
async def test_pages_are_listed_and_read_by_tools_and_as_resources(live: LiveServer, mode: Mode) -> None:
    async with client_of(live, mode) as client:
        listed = (await client.call_tool("list_pages")).structured_content
        assert [page["path"] for page in listed["pages"]] == list(PAGES)
        assert (listed["total"], listed["next"]) == (2, None)
        assert [text_in(await client.call_tool("read_page", {"path": path})) for path in PAGES] == [INTRO, ARMS]
        resources = (await client.list_resources()).resources
        assert [(one.uri, one.mime_type) for one in resources] == [
            ("book:///intro.md", "text/markdown"),
            ("book:///part/arms.mdx", "text/markdown"),
        ]
        assert [(await client.read_resource(one.uri)).contents[0].text for one in resources] == [INTRO, ARMS]


async def test_a_long_list_and_a_long_page_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.agents.book_tools.PAGES", 2)
    monkeypatch.setattr("server.agents.book_tools.MOST_PAGE_CHARS", 40)
    pages = {f"ä {n}.md": f"# Page {n}\n\n" + "Robots move. " * 5 for n in range(5)}
    async with serving_book(tmp_path, pages) as live, client_of(live) as client:
        seen: list[str] = []
        cursor = None
        while True:
            part = await client.list_resources(cursor=cursor)
            seen += [one.name for one in part.resources]
            if (cursor := part.next_cursor) is None:
                break
        assert seen == sorted(pages)
        whole, offset = "", 0
        while True:
            text = text_in(await client.call_tool("read_page", {"path": "ä 3.md", "offset": offset}))
            text, goes_on, _ = text.partition("\n\n[The page goes on: ")
            whole, offset = whole + text, offset + 40
            if not goes_on:
                break
        assert (await live.client.get("/pages/ä 3.md")).text == whole
        beyond = await client.call_tool("read_page", {"path": "ä 3.md", "offset": 1000})
        assert beyond.is_error


@in_both_generations
@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("read_page", {"path": "nowhere.md"}, "There is no such page in the index."),
        ("search_book", {"query": ""}, "query: String should have at least 1 character."),
        ("search_book", {"query": "x" * 4001}, "query: String should have at most 4000 characters."),
        ("search_book", {"query": "x", "k": 1000}, "k: Input should be less than or equal to 20."),
        ("ask_book", {"question": "  "}, "Ask a question: send it in 'question'."),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words_an_agent_can_act_on(
    live: LiveServer, mode: Mode, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with client_of(live, mode) as client:
        result = await client.call_tool(tool, arguments)
        assert (result.is_error, text_in(result)) == (True, said)


@in_both_generations
async def test_what_there_is_none_of_is_an_error_of_the_protocol(live: LiveServer, mode: Mode) -> None:
    async with client_of(live, mode) as client:
        with pytest.raises(MCPError, match="no such page"):
            await client.read_resource("book:///nowhere.md")
        with pytest.raises(MCPError, match="no such tool"):
            await client.call_tool("delete_book")


async def test_before_the_book_is_read_an_agent_is_told_to_come_back() -> None:
    async with serving(make_services()) as live, client_of(live) as client:
        result = await client.call_tool("list_pages")
        with pytest.raises(MCPError, match="has not been read yet"):
            await client.list_resources()
    assert (result.is_error, text_in(result)) == (True, "The book has not been read yet. Please try again soon.")


async def test_a_question_counts_as_one_and_a_lookup_as_a_lookup(tmp_path: Path) -> None:
    async with serving_book(tmp_path, PAGES, environment="production", requests_per_minute=1) as live:
        async with client_of(live) as client:
            first, second = [await client.call_tool("ask_book", {"question": JOINTS}) for _ in range(2)]
            assert not first.is_error
            assert text_in(second).startswith("That was a lot of questions at once.")
            assert not (await client.call_tool("list_pages")).is_error
        assert (await live.ask({"question": JOINTS})).status_code == 429


async def test_an_answer_is_paid_for_from_the_days_budget(tmp_path: Path, stand_in: StandIn) -> None:
    key = {"openai_api_key": "sk-secret", "openai_base_url": stand_in.base_url, "embedding_model": "none"}
    async with serving_book(tmp_path, PAGES, **key) as live, client_of(live) as client:
        stand_in.say(["Three ", "joints [1]."])
        answer = (await client.call_tool("ask_book", {"question": JOINTS})).structured_content
        assert answer["answer"] == "Three joints [1]."
        assert live.services.budget.spent_usd > 0
        stand_in.fail("chat", "unauthorized")
        answer = (await client.call_tool("ask_book", {"question": "What has an elbow?"})).structured_content
        assert answer["degraded"] is True


@pytest.mark.one_server
async def test_an_agent_that_leaves_ends_its_answer() -> None:
    answerer = ScriptedAnswerer(asyncio.Event())
    call = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "ask_book", "arguments": {"question": "What moves?"}},
    }  # fmt: skip
    headers = {"Accept": "application/json, text/event-stream"}
    async with serving(make_services(answerer=answerer)) as live:
        asking = asyncio.create_task(live.client.post("/mcp", json=call, headers=headers))
        await answerer.opened.wait()
        assert live.services.limits.open_streams == 1
        asking.cancel()
        await answerer.closed.wait()
        await until(lambda: live.services.limits.open_streams == 0)


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        ({"method": "GET"}, 405),
        ({"method": "DELETE"}, 405),
        ({"method": "POST", "content": b"[]", "headers": {"Content-Type": "application/json"}}, 400),
        ({"method": "POST", "json": {"query": "a\0b"}}, 400),
        ({"method": "POST", "json": {"x": "x" * 70_000}}, 413),
        ({"method": "POST", "json": {}, "headers": {"Origin": "https://evil.example"}}, 403),
        ({"method": "POST", "content": b"x", "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
async def test_what_is_no_message_is_refused_as_everywhere(live: LiveServer, request_of: dict[str, Any], status: int) -> None:
    response = await live.client.request(url="/mcp", **request_of)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")

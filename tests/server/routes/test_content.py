"""The book's pages over HTTP: a real index, and a stand-in for Prefect whose runs the tests bring to their ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.services import Services
from shared.index.open_index import open_index
from shared.index.port import Index
from shared.ingest_runs import MAX_PAGE_BYTES, REPORT_KEY
from shared.settings import Settings
from tests.server.test_prefect_api import REPORT
from tests.support.fakes import ADMIN_KEY, FakeFinder, PrefectStandIn, make_chunk, make_services
from tests.support.live_server import LiveServer, serving, until
from tests.support.sample_builds import make_build, make_chunks

KEY = {"X-API-Key": ADMIN_KEY}
PAGES = {"a.md": ["One.", "Two."], "b.md": ["Three."], "part/c.mdx": ["Four."]}
PAGE = {"markdown": "# Arms\n\nAn arm.\n"}


@pytest.fixture
def prefect() -> PrefectStandIn:
    return PrefectStandIn()


@pytest.fixture
async def index(tmp_path: Path) -> Index:
    index = open_index(Settings(data_dir=tmp_path))
    chunks = make_chunks(PAGES)
    await index.publish(make_build(chunks, dimensions=None), chunks, None)
    return index


@pytest.fixture
async def live(prefect: PrefectStandIn, index: Any) -> AsyncGenerator[LiveServer]:
    settings, finder = Settings.model_validate({"admin_api_key": ADMIN_KEY}), FakeFinder(make_chunk(), build=await index.live())
    async with serving(make_services(settings=settings, prefect=prefect, index=index, finder=finder)) as server:
        yield server


def as_document(path: str, count: int) -> dict[str, Any]:
    return {
        "path": path,
        "title": path,
        "url": f"/docs/{path}",
        "chunks": count,
        "headings": [{"heading_path": ["Robots"], "url": f"/docs/{path}#robots"}],
        "indexed_at": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize("prefix", ["", "/api", "/v1", "/api/v1"])
async def test_pages_are_listed_a_few_at_a_time(live: LiveServer, prefix: str) -> None:
    first = (await live.client.get(f"{prefix}/content?limit=2", headers=KEY)).json()
    assert first == {"documents": [as_document("a.md", 2), as_document("b.md", 1)], "total": 3, "next": "b.md"}
    last = (await live.client.get(f"{prefix}/content", params={"limit": 2, "after": first["next"]}, headers=KEY)).json()
    assert last == {"documents": [as_document("part/c.mdx", 1)], "total": 3, "next": None}
    whole = (await live.client.get(f"{prefix}/content", headers=KEY)).json()
    assert (len(whole["documents"]), whole["next"]) == (3, None)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1e1", "٣"])
async def test_a_number_of_pages_is_one(live: LiveServer, limit: str) -> None:
    response = await live.client.get("/content", params={"limit": limit}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")


CALLS = [
    ("GET", "/content"),
    ("PUT", "/content/a.md"),
    ("DELETE", "/content/a.md"),
    ("POST", "/embed"),
    ("POST", "/content/ingest"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_only_the_author_reads_the_list_and_edits(
    live: LiveServer, prefect: PrefectStandIn, method: str, path: str
) -> None:
    for headers, status in (({}, 401), ({"X-API-Key": "x" * 40}, 403)):
        assert (await live.client.request(method, path, json=PAGE, headers=headers)).status_code == status
    assert prefect.runs == []


async def test_anyone_may_search_and_it_is_the_same_search(live: LiveServer) -> None:
    by_alias = await live.client.get("/content/search?q=joints")
    assert by_alias.status_code == 200
    assert by_alias.json() == (await live.client.get("/search?q=joints")).json()


async def test_the_book_is_ingested_under_the_other_name_too(live: LiveServer, prefect: PrefectStandIn) -> None:
    response = await live.client.post("/content/ingest", json={"full": True}, headers=KEY)
    assert (response.status_code, response.json()["run_id"]) == (202, prefect.runs[0]["id"])


async def edit_while(prefect: PrefectStandIn, sent: Any, *, end: Any) -> httpx.Response:
    """The answer to an edit whose run ends as `end` sees to."""
    asked = asyncio.create_task(sent)
    await until(lambda: bool(prefect.runs) or asked.done())
    if prefect.runs:
        await end(prefect.runs[-1])
    return await asked


def completing(index: Index, prefect: PrefectStandIn, pages: dict[str, list[str]], **report: Any) -> Any:
    async def complete(run: dict[str, Any]) -> None:
        chunks = make_chunks(pages)
        build = make_build(chunks, hour=1, dimensions=None)
        await index.publish(build, chunks, None)
        told = REPORT.model_copy(update={"build_id": build.id, "new_build": True, **report})
        prefect.add_artifact(run, REPORT_KEY, told.model_dump(mode="json"))
        run["state"]["type"] = "COMPLETED"

    return complete


@pytest.mark.parametrize("is_json", [True, False])
async def test_a_page_that_is_written_is_answered_for_once_it_is_live(
    live: LiveServer, prefect: PrefectStandIn, index: Index, is_json: bool
) -> None:
    body: dict[str, Any] = {"json": PAGE} if is_json else {"content": PAGE["markdown"].encode()}
    headers = KEY if is_json else KEY | {"Content-Type": "text/markdown; charset=utf-8"}
    sent = live.client.put("/api/content/part/new.md", headers=headers, **body)
    end = completing(index, prefect, PAGES | {"part/new.md": ["Arms."]}, kept_by_next_ingest=False)
    response = await edit_while(prefect, sent, end=end)
    (run,) = prefect.runs
    assert run["parameters"] == {"full": False, "edit": {"action": "write", "path": "part/new.md", **PAGE}}
    assert response.status_code == 200
    assert response.json() == {
        "path": "part/new.md",
        "run_id": run["id"],
        "status_url": f"/ingest/{run['id']}",
        "state": "completed",
        "build_id": "20260101T010000Z-0a",
        "new_build": True,
        "kept_by_next_ingest": False,
        "document": as_document("part/new.md", 1) | {"indexed_at": "2026-01-01T01:00:00Z"},
    }
    watched = (await live.client.get(response.json()["status_url"])).json()
    assert (watched["page"], watched["report"]["kept_by_next_ingest"]) == ("part/new.md", False)


async def test_a_page_is_removed(live: LiveServer, prefect: PrefectStandIn, index: Index) -> None:
    sent = live.client.delete("/content/part/c.mdx", headers=KEY)
    left = {path: texts for path, texts in PAGES.items() if path != "part/c.mdx"}
    response = await edit_while(prefect, sent, end=completing(index, prefect, left, kept_by_next_ingest=True))
    assert (response.status_code, response.json()["document"], response.json()["kept_by_next_ingest"]) == (200, None, True)
    assert prefect.runs[0]["parameters"]["edit"] == {"action": "remove", "path": "part/c.mdx"}


@pytest.mark.parametrize(
    ("body", "action", "path"),
    [
        ({"path": "a.md"}, "read", "a.md"),
        (PAGE | {"path": "x.md"}, "write", "x.md"),
        (PAGE, "write", "embedded-"),
    ],
)
async def test_a_text_or_a_file_of_the_book_is_embedded(
    live: LiveServer, prefect: PrefectStandIn, body: dict[str, str], action: str, path: str
) -> None:
    response = await live.client.post("/embed?wait=0", json=body, headers=KEY)
    edit = prefect.runs[0]["parameters"]["edit"]
    assert (edit["action"], edit["path"].startswith(path), edit.get("markdown")) == (action, True, body.get("markdown"))
    assert (response.status_code, response.json()["state"], response.json()["document"]) == (202, "scheduled", None)
    assert response.headers["Location"] == response.json()["status_url"]


REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("PUT", "/content/..%2Fa.md", PAGE, 400, "invalid_field"),
    ("PUT", "/content/a.txt", PAGE, 400, "invalid_field"),
    ("PUT", "/content/a.md", {"markdown": "  \n"}, 400, "invalid_field"),
    ("PUT", "/content/a.md", {"markdown": 3}, 400, "invalid_field"),
    ("PUT", "/content/a.md", {}, 400, "invalid_field"),
    ("PUT", "/content/a.md", PAGE | {"title": "A"}, 400, "unknown_field"),
    ("PUT", "/content/a.md", {"markdown": "x" * (MAX_PAGE_BYTES + 1)}, 413, "too_large"),
    ("PUT", "/content/a.md", {"markdown": "x" * 1_100_000}, 413, "too_large"),
    ("PUT", "/content/a.md?wait=121", PAGE, 400, "invalid_field"),
    ("POST", "/embed", {}, 400, "invalid_field"),
    ("POST", "/embed", {"path": "/etc/passwd"}, 400, "invalid_field"),
    ("POST", "/embed", {"path": "../a.md"}, 400, "invalid_field"),
    ("DELETE", "/content/nowhere.md", None, 404, "page_not_found"),
    ("POST", "/chat", {"question": "x" * 70_000}, 413, "too_large"),
]


@pytest.mark.parametrize("call", REFUSED)
async def test_what_can_be_no_edit_starts_no_run(
    live: LiveServer, prefect: PrefectStandIn, call: tuple[str, str, Any, int, str]
) -> None:
    method, path, body, status, code = call
    response = await live.client.request(method, path, json=body, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert prefect.runs == []


async def test_the_largest_page_is_taken_however_json_writes_it(live: LiveServer, prefect: PrefectStandIn) -> None:
    text = "é" * (MAX_PAGE_BYTES // 2)
    response = await live.client.put("/content/a.md?wait=0", content=json.dumps({"markdown": text}).encode(), headers=KEY)
    assert response.status_code == 202
    assert prefect.runs[0]["parameters"]["edit"]["markdown"] == text


async def test_text_that_is_no_utf_8_is_refused(live: LiveServer) -> None:
    response = await live.client.put("/content/a.md", content=b"caf\xe9", headers=KEY | {"Content-Type": "text/markdown"})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")


async def test_one_at_a_time(live: LiveServer, prefect: PrefectStandIn) -> None:
    prefect.add_run("RUNNING")
    response = await live.client.put("/content/a.md", json=PAGE, headers=KEY)
    assert (response.status_code, response.json()["code"], "Retry-After" in response.headers) == (409, "ingest_running", True)
    prefect.runs[0]["state"]["type"] = "COMPLETED"
    assert (await live.client.put("/content/a.md?wait=0", json=PAGE, headers=KEY)).status_code == 202
    assert (await live.client.post("/ingest", json={}, headers=KEY)).status_code == 409


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [("FAILED", 422, "page_not_taken"), ("CRASHED", 422, "page_not_taken"), ("CANCELLED", 409, "ingest_running")],
)
async def test_an_edit_that_came_to_nothing_says_so(
    live: LiveServer, prefect: PrefectStandIn, state: str, status: int, code: str
) -> None:
    async def end(run: dict[str, Any]) -> None:
        run["state"] |= {"type": state, "message": "BookError: a secret path"}

    response = await edit_while(prefect, live.client.put("/content/a.md", json=PAGE, headers=KEY), end=end)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert "secret" not in response.text


async def test_where_no_book_is_read_no_page_is_edited(prefect: PrefectStandIn) -> None:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY, "book_source": "none"})
    services: Services = make_services(settings=settings, prefect=prefect)
    async with serving(services) as live:
        response = await live.client.put("/content/a.md", json=PAGE, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (409, "book_read_elsewhere")

from __future__ import annotations

import asyncio

import pytest

from server.finding.passages import SearchOutcome
from shared.errors import NotBuiltError
from shared.index.port import Filter
from tests.support.fakes import FakeFinder, make_build, make_chunk, make_services
from tests.support.live_server import serving


async def test_places_come_best_first_with_where_they_are() -> None:
    finder = FakeFinder(make_chunk("A robot\nhas joints."), make_chunk("Links.", path="arms/links.md", n=1), build=make_build())
    async with serving(make_services(finder=finder)) as live:
        response = await live.client.get("/search", params={"q": "joints"})
    body = response.json()
    assert (body["answerable"], body["support"], body["degraded"]) == (True, 0.75, False)
    first, second = body["results"]
    assert first == {
        "path": "intro.md",
        "start": 0,
        "end": 19,
        "start_line": 1,
        "end_line": 2,
        "title": "Robots",
        "heading_path": ["Robots", "Joints"],
        "url": "https://example.github.io/book/docs/intro#joints",
        "score": 1.0,
        "text": "A robot\nhas joints.",
    }
    assert (second["path"], second["score"]) == ("arms/links.md", 0.5)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("", None),
        ("a/b.md", Filter(paths=("a/b.md",))),
        ("a/b.mdx", Filter(paths=("a/b.mdx",))),
        ("/a/b/", Filter(folders=("a/b",))),
    ],
)
async def test_a_search_can_be_kept_to_a_file_or_a_folder(path: str, where: Filter | None) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with serving(make_services(finder=finder)) as live:
        assert len((await live.client.get("/search", params={"q": "x", "k": 50, "path": path})).json()["results"]) == 1
    assert finder.wheres == [where]


@pytest.mark.parametrize(
    "params",
    [{}, {"q": " "}, {"q": "a\0b"}, {"q": "x" * 4001}, *({"q": "x", "k": k} for k in ("0", "51", "x", "-1", "1.5", "", "٣"))],
)
async def test_what_makes_no_sense_is_refused(params: dict[str, str]) -> None:
    async with serving(make_services()) as live:
        response = await live.client.get("/search", params=params)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


async def test_before_the_first_build_it_says_when_to_come_back() -> None:
    async with serving(make_services(finder=FakeFinder(failure=NotBuiltError("No.")))) as live:
        response = await live.client.get("/search", params={"q": "x"})
    assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (503, "book_not_read", "5")


async def test_a_count_given_twice_is_refused() -> None:
    async with serving(make_services()) as live:
        response = await live.client.get("/search?q=x&k=1&k=2")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")


async def test_a_search_that_takes_too_long_ends_with_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    class SlowFinder(FakeFinder):
        async def search(self, query: str, *, k: int, where: Filter | None = None) -> SearchOutcome:
            await asyncio.Event().wait()
            return await super().search(query, k=k, where=where)

    monkeypatch.setattr("server.routes.search.SEARCH_TIMEOUT_S", 0.01)
    async with serving(make_services(finder=SlowFinder(make_chunk(), build=make_build()))) as live:
        response = await live.client.get("/search", params={"q": "joints"})
    assert (response.status_code, response.json()["code"]) == (504, "timeout")

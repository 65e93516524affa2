"""The book as text: each page as its author wrote it, and the whole of it, over a real index."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from flows.splitting.split import ChunkLimits
from server.agents.markdown_pages import page_text
from shared.index.embedded.index import EmbeddedIndex
from shared.models import Site, SiteKind
from shared.settings import Settings
from tests.support.fakes import FakeFinder, make_services
from tests.support.live_server import LiveServer, serving
from tests.support.sample_builds import make_build
from tests.support.small_book import WORDS, read

PAGES = {
    "intro.md": "# Robots\n\nRobots move.\n\n## Joints\n\nA gripper moves three joints.\n",
    "part/arms.mdx": '---\ntitle: "Arms [new]"\n---\n\nimport X from "x";\n\nAn arm has an elbow.\n',
}
INTRO = (
    "# Robots\n\nSource: https://robots.example/book/docs/intro\n\nRobots move.\n\n## Joints\n\nA gripper moves three joints.\n"
)
ARMS = "# Arms [new]\n\nSource: https://robots.example/book/docs/part/arms\n\nAn arm has an elbow.\n"


async def publish(index: EmbeddedIndex, pages: dict[str, str], *, hour: int = 0) -> None:
    chunks = read(pages)
    await index.publish(make_build(chunks, hour=hour, dimensions=None), chunks, None)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncGenerator[EmbeddedIndex]:
    index = EmbeddedIndex(tmp_path, WORDS)
    await publish(index, PAGES)
    yield index
    await index.aclose()


@pytest.fixture
async def live(index: EmbeddedIndex) -> AsyncGenerator[LiveServer]:
    settings = Settings(book_title="Robots for all")
    services = make_services(settings=settings, index=index, finder=FakeFinder())  # pyright: ignore[reportArgumentType]
    async with serving(services) as server:
        yield server


def test_a_page_of_many_chunks_is_what_its_author_wrote() -> None:
    code = "```python\n" + "\n\n".join(f"x{n} = 1" for n in range(400)) + "\n```"
    source = (
        "# Robots\n\n" + "\n\n".join(f"## Part {n}\n\n{'Robots move. ' * 60}\n\n- one\n- two" for n in range(9)) + "\n\n" + code
    )
    chunks = read({"a.md": source + "\n"}, ChunkLimits(max_tokens=64, min_tokens=16, fill_tokens=32))
    assert len(chunks) > 20
    told = page_text(chunks).markdown
    assert told.replace("Source: https://robots.example/book/docs/a\n\n", "", 1).split() == source.split()
    assert code in told


def test_a_page_without_a_heading_begins_with_its_title() -> None:
    assert page_text(read(PAGES)[-1:]).markdown == ARMS


async def test_the_list_names_every_page_with_its_address_and_its_markdown(live: LiveServer) -> None:
    response = await live.client.get("/llms.txt")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    head, _, listed = response.text.partition("\n## Pages\n\n")
    assert head.splitlines()[0] == "# Robots for all"
    assert listed.splitlines() == [
        "- [Robots](https://robots.example/book/docs/intro): [Markdown](pages/intro.md)",
        "- [Arms (new)](https://robots.example/book/docs/part/arms): [Markdown](pages/part/arms.md)",
    ]
    addresses = [line.rpartition("(")[2].rstrip(")") for line in listed.splitlines()]
    assert [(await live.client.get(f"/{address}")).text for address in addresses] == [INTRO, ARMS]


async def test_the_whole_book_is_its_pages_one_after_the_other(live: LiveServer) -> None:
    text = (await live.client.get("/llms-full.txt")).text
    assert text == f"# Robots for all\n\n---\n\n{INTRO}\n---\n\n{ARMS}"


async def test_of_a_large_book_there_is_as_much_as_fits_and_what_is_missing_is_said(
    live: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.agents.book_texts.MOST_CHARS", len(INTRO))
    monkeypatch.setattr("server.agents.book_texts.MOST_LISTED", 1)
    full, listed = (await live.client.get("/llms-full.txt")).text, (await live.client.get("/llms.txt")).text
    assert INTRO in full
    assert "elbow" not in full
    assert full.endswith("1 pages more do not fit in here; llms.txt lists every page.\n")
    assert "arms" not in listed
    assert listed.endswith("1 pages more are not listed.\n")


@pytest.mark.parametrize("path", ["/llms.txt", "/llms-full.txt", "/pages/intro.md"])
async def test_a_text_is_sent_once_to_who_keeps_it_and_again_when_the_book_changed(
    live: LiveServer, index: EmbeddedIndex, path: str
) -> None:
    first = await live.client.get(path)
    again = await live.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await publish(index, {"intro.md": "# Machines\n\nThey move.\n"}, hour=1)
    changed = await live.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert "Machines" in changed.text


@pytest.mark.one_server
async def test_a_text_is_made_once_for_a_build(live: LiveServer, index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr("server.agents.book_texts.page_text", lambda chunks: made.append(chunks[0].path) or page_text(chunks))
    for _ in range(3):
        await live.client.get("/llms-full.txt")
    assert made == list(PAGES)


@pytest.mark.parametrize("path", ["/pages/nowhere.md", "/pages/part.md", "/pages/..%2Fintro.md"])
async def test_a_page_that_is_not_in_the_book_is_none(live: LiveServer, path: str) -> None:
    response = await live.client.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "page_not_found")


@pytest.mark.parametrize("path", ["/llms.txt", "/llms-full.txt", "/pages/intro.md"])
async def test_before_the_first_build_there_is_no_text(path: str) -> None:
    async with serving(make_services()) as live:
        response = await live.client.get(path)
    assert (response.status_code, response.json()["code"]) == (503, "book_not_read")


@pytest.mark.parametrize("kind", ["docusaurus", "plain"])
async def test_a_book_with_a_folder_of_that_name_that_lectern_shows_itself_opens_too(tmp_path: Path, kind: SiteKind) -> None:
    index = EmbeddedIndex(tmp_path, WORDS)
    chunks = read({"pages/intro.md": "# Robots\n\nThey move.\n"}, site=Site(kind=kind, url="", base="/", route_base="/"))
    await index.publish(make_build(chunks, dimensions=None), chunks, None)
    services = make_services(index=index, finder=FakeFinder())  # pyright: ignore[reportArgumentType]
    async with serving(services) as live:
        cited = await live.client.get(chunks[0].url.partition("#")[0])
        text = await live.client.get("/pages/pages/intro.md")
    assert "They move." in cited.text
    assert text.text.startswith("# Robots\n\nSource: /pages/intro")

"""What a citation opens while the book is not published."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.pages import book_page
from server.pages.book_page import render_page
from server.routes import book_pages
from shared.models import Chunk, Site
from shared.settings import Settings
from tests.support.fakes import FakeFinder, make_services
from tests.support.live_server import LiveServer, serving, until
from tests.support.sample_builds import make_build
from tests.support.small_book import open_book, read

ARMS = """---
title: Arms
---

import Figure from './figure'

# Arms

An arm is a chain of links.

<Figure onload="run()">

## Inverse kinematics {#ik}

It finds the **angles** of the joints. See ![a hand](hand.png) and <b>here</b>.

| joint | angle |
| ----- | ----- |
| elbow | 90    |

</Figure>

## Code

```python
# not a heading
print("<b>")
```
"""
NOWHERE = Site()
SETTINGS = Settings(site_kind="docusaurus")


def test_every_section_is_an_element_with_its_anchor() -> None:
    page = render_page(read({"arms.md": ARMS}, site=NOWHERE))
    assert re.findall(r'<section id="([^"]*)">', page) == ["arms", "ik", "code"]
    assert "<h2>Inverse kinematics" in page
    assert "<td>elbow</td>" in page
    assert '<code class="language-python"># not a heading\nprint(&quot;&lt;b&gt;&quot;)\n</code>' in page


def test_nothing_of_the_book_runs_or_is_loaded() -> None:
    hostile = "# A\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) <img src=x onerror=alert(1)>\n\n![t](http://a.example/i)\n"
    page = render_page(read({"a.md": hostile}, site=NOWHERE))
    assert not re.search(r"<script|<img|onerror|href=\"javascript|a\.example", page)
    assert "<em>[t]</em>" in page


@asynccontextmanager
async def serving_book(
    folder: Path, pages: dict[str, str], settings: Settings
) -> AsyncGenerator[tuple[LiveServer, list[Chunk]]]:
    """A server over the book, and the book's chunks."""
    async with open_book(folder, pages, site=settings.site) as index:
        services = make_services(settings=settings, index=index, finder=FakeFinder())  # type: ignore[arg-type]
        async with serving(services) as live, index.snapshot() as snapshot:
            yield live, [chunk for path in await snapshot.documents() for chunk in await snapshot.page(path)]


async def test_a_citation_of_an_unpublished_book_opens_on_its_page(tmp_path: Path) -> None:
    pages = {"arms.md": ARMS, "part two/légs.md": "# Legs\n\nTwo.\n"}
    async with serving_book(tmp_path, pages, SETTINGS) as (live, chunks):
        for chunk in chunks:
            page = await live.client.get(chunk.url)
            assert page.status_code == 200
            assert chunk.anchor is None or f'<section id="{chunk.anchor}">' in page.text
        missing = await live.client.get("/docs/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_a_published_book_is_read_where_it_is_published(tmp_path: Path) -> None:
    published = Settings(site_kind="docusaurus", site_url="https://robots.example")
    async with serving_book(tmp_path, {"arms.md": ARMS}, published) as (live, _):
        assert (await live.client.get("/docs/arms")).status_code == 404


async def test_before_the_first_build_there_is_no_page() -> None:
    async with serving(make_services()) as live:
        assert (await live.client.get("/docs/arms")).status_code == 404


class HeldRendering:
    """Renders pages once it is let go; a page that waits for longer than any test does is not rendered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages: list[str] = []
        self.most_at_once = 0
        self.go = threading.Event()
        self._now = 0
        monkeypatch.setattr(book_page, "render_page", self._render)

    def _render(self, chunks: Sequence[Chunk]) -> str:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.pages.append(chunks[0].path)
        assert self.go.wait(20)
        self._now -= 1
        return render_page(chunks)


@pytest.mark.one_server
async def test_a_page_that_takes_long_holds_nobody_else_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldRendering(monkeypatch)
    async with serving_book(tmp_path, {"a.md": "# A\n\nOne.\n", "b.md": "# B\n\nTwo.\n"}, SETTINGS) as (live, _):
        asked = [asyncio.create_task(live.client.get(f"/docs/{name}")) for name in ("a", "b", "a")]
        await until(lambda: bool(held.pages))
        assert (await live.client.get("/health/live")).status_code == 200
        held.go.set()
        assert [(await task).status_code for task in asked] == [200, 200, 200]
    assert (sorted(held.pages), held.most_at_once) == (["a.md", "b.md"], 1)


@pytest.mark.one_server
async def test_a_page_is_rendered_once_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldRendering(monkeypatch)
    held.go.set()
    async with serving_book(tmp_path, {"a.md": "# A\n\nOne.\n"}, SETTINGS) as (live, _):
        assert all(["One" in (await live.client.get("/docs/a")).text for _ in range(3)])
        changed = read({"a.md": "# A\n\nTwo.\n"}, site=SETTINGS.site)
        await live.services.index.publish(make_build(changed, hour=1, dimensions=None), changed, None)
        assert "Two" in (await live.client.get("/docs/a")).text
    assert held.pages == ["a.md", "a.md"]


@pytest.mark.one_server
async def test_nobody_waits_for_ever_and_what_was_begun_is_there_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldRendering(monkeypatch)
    monkeypatch.setattr(book_pages, "RENDER_TIMEOUT_S", 0.05)
    async with serving_book(tmp_path, {"a.md": "# A\n\nOne.\n"}, SETTINGS) as (live, _):
        late = await live.client.get("/docs/a")
        assert (late.status_code, late.json()["code"]) == (504, "timeout")
        held.go.set()

        async def is_there() -> bool:
            return (await live.client.get("/docs/a")).status_code == 200

        await until(is_there)
    assert held.pages == ["a.md"]


@pytest.mark.one_server
async def test_only_so_much_is_kept_of_rendered_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldRendering(monkeypatch)
    held.go.set()
    monkeypatch.setattr(book_pages, "KEPT_CHARS", 1)
    async with serving_book(tmp_path, {"a.md": "# A\n\nOne.\n", "b.md": "# B\n\nTwo.\n"}, SETTINGS) as (live, _):
        for name in "aabab":
            assert (await live.client.get(f"/docs/{name}")).status_code == 200
    assert [path[0] for path in held.pages] == [*"abab"]

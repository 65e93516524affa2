"""What a citation opens while the book is not published."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from server.pages.book_page import render_page
from shared.models import Chunk, Site
from shared.settings import Settings
from tests.support.fakes import FakeFinder, make_services
from tests.support.live_server import LiveServer, serving
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
    async with serving_book(tmp_path, pages, Settings()) as (live, chunks):
        for chunk in chunks:
            page = await live.client.get(chunk.url)
            assert page.status_code == 200
            assert chunk.anchor is None or f'<section id="{chunk.anchor}">' in page.text
        missing = await live.client.get("/docs/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_a_published_book_is_read_where_it_is_published(tmp_path: Path) -> None:
    async with serving_book(tmp_path, {"arms.md": ARMS}, Settings(site_url="https://robots.example")) as (live, _):
        assert (await live.client.get("/docs/arms")).status_code == 404


async def test_before_the_first_build_there_is_no_page() -> None:
    async with serving(make_services()) as live:
        assert (await live.client.get("/docs/arms")).status_code == 404

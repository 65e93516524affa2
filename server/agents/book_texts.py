"""The whole book as texts for language models (llmstxt.org), made once for each build."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from server.agents.markdown_pages import PageText, address_of_page, page_text
from shared.errors import RequestError
from shared.index.port import Index, Snapshot
from shared.models import Chunk

MOST_CHARS = 4_000_000
"""Of the whole book in one text, a million tokens: more than any model reads at once."""
MOST_LISTED = 20_000
"""Pages that one list names."""
TOGETHER = 16
"""Pages asked for at once."""


class ListedPage(NamedTuple):
    """A page in a list."""

    path: str
    title: str
    url: str


class BookTexts:
    """`/llms.txt` and `/llms-full.txt` of the live build, kept until another one is live."""

    def __init__(self, index: Index, title: str) -> None:
        """`title`: of the book, for the first line."""
        self._index = index
        self._title = title
        self._kept: dict[str, tuple[str, str]] = {}
        """{name: (build, text)}."""
        self._turns = {name: asyncio.Lock() for name in ("list", "full")}

    async def listed(self) -> str:
        """Every page with its address, and where its Markdown is. Raises `NotBuiltError`, `ServiceError`."""
        async with self._turns["list"], self._index.snapshot() as snapshot:
            return self._find("list", snapshot) or self._keep("list", snapshot, await self._list(snapshot))

    async def full(self) -> str:
        """The text of every page, as many as `MOST_CHARS` hold. Raises `NotBuiltError`, `ServiceError`."""
        async with self._turns["full"], self._index.snapshot() as snapshot:
            return self._find("full", snapshot) or self._keep("full", snapshot, await self._join(snapshot))

    def _find(self, name: str, snapshot: Snapshot) -> str | None:
        build_id, text = self._kept.get(name, ("", ""))
        return text if build_id == snapshot.build.id else None

    def _keep(self, name: str, snapshot: Snapshot, text: str) -> str:
        self._kept[name] = (snapshot.build.id, text)
        return text

    async def _list(self, snapshot: Snapshot) -> str:
        paths = await snapshot.documents()
        lines = [f"# {self._title}", "", "> Every page of the book, with its address and its Markdown.", "", "## Pages", ""]
        lines += [
            f"- [{_in_brackets(page.title)}]({page.url}): [Markdown]({markdown_address(page.path)})"
            async for page in list_pages(snapshot, paths[:MOST_LISTED])
        ]
        if len(paths) > MOST_LISTED:
            lines += ["", f"{len(paths) - MOST_LISTED} pages more are not listed."]
        return "\n".join([*lines, ""])

    async def _join(self, snapshot: Snapshot) -> str:
        paths = await snapshot.documents()
        texts = [f"# {self._title}\n"]
        room = MOST_CHARS
        for n, path in enumerate(paths):
            text = (await _read(snapshot, path)).markdown
            room -= len(text)
            if room < 0:
                texts.append(f"{len(paths) - n} pages more do not fit in here; llms.txt lists every page.\n")
                break
            texts.append(text)
        return "\n---\n\n".join(texts)


async def list_pages(snapshot: Snapshot, paths: Sequence[str]) -> AsyncIterator[ListedPage]:
    """Title and address of these pages, in this order."""
    for start in range(0, len(paths), TOGETHER):
        firsts = await asyncio.gather(*(_first(snapshot, path) for path in paths[start : start + TOGETHER]))
        for chunk in firsts:
            yield ListedPage(chunk.path, chunk.title, address_of_page(chunk))


async def find_page(index: Index, *names: str) -> PageText:
    """The first page of one of these paths, with their extension or without.

    Raises `RequestError` 404 where there is none, `NotBuiltError`, `ServiceError`.
    """
    async with index.snapshot() as snapshot:
        paths = set(await snapshot.documents())
        for path in (name + extension for name in names for extension in ("", ".md", ".mdx")):
            if path in paths:
                return await _read(snapshot, path)
    raise RequestError("page_not_found", "There is no such page in the index.", status=404)


def markdown_address(path: str) -> str:
    """Where a page's Markdown is, relative to `/llms.txt`."""
    return f"pages/{quote(path.removesuffix('.mdx').removesuffix('.md'))}.md"


async def _first(snapshot: Snapshot, path: str) -> Chunk:
    return (await snapshot.page(path, first=0, last=0))[0]


async def _read(snapshot: Snapshot, path: str) -> PageText:
    return await asyncio.to_thread(page_text, await snapshot.page(path))


def _in_brackets(title: str) -> str:
    """A title that does not end the link it names."""
    return " ".join(title.split()).replace("[", "(").replace("]", ")")

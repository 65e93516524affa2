"""What a reader may begin with, before anything was asked: questions that the live build answers."""

from __future__ import annotations

import asyncio

from server.answering.suggestions import questions_about
from server.finding.current_page import PageAddresses
from shared.index.port import Index, Snapshot
from shared.models import Chunk

OPENINGS = 4
_PAGES = 12
"""Looked at: some say nothing that can be asked about."""
_CHUNKS = 6
"""Of each: the beginning of a page says what it is about."""
_WHOLE_BOOK = ""


class Openings:
    """Questions about a page, and about pages all over the book, each found once a build."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._addresses = PageAddresses()
        self._build_id = ""
        self._questions: dict[str, tuple[str, ...]] = {}
        """{file, or '': of the whole book}."""

    async def questions(self, page_url: str = "") -> tuple[str, ...]:
        """Up to four about the page at that address; each about another page where it is none, or says nothing to ask about.

        Raises `NotBuiltError` and `ServiceError`.
        """
        async with self._index.snapshot() as snapshot:
            if self._build_id != snapshot.build.id:
                self._build_id, self._questions = snapshot.build.id, {}
            path = await self._addresses.find(snapshot, page_url) if page_url else None
            if path and path not in self._questions:
                self._questions[path] = questions_about(await snapshot.page(path), OPENINGS)
            if path and self._questions[path]:
                return self._questions[path]
            if _WHOLE_BOOK not in self._questions:
                self._questions[_WHOLE_BOOK] = await _spread(snapshot)
            return self._questions[_WHOLE_BOOK]


async def _spread(snapshot: Snapshot) -> tuple[str, ...]:
    paths = await snapshot.documents()
    step = -(-len(paths) // _PAGES) or 1
    pages: list[list[Chunk]] = await asyncio.gather(*(snapshot.page(path, last=_CHUNKS) for path in paths[::step]))
    asked = [found for page in pages for found in questions_about(page, 1)]
    count = min(len(asked), OPENINGS)
    return tuple(asked[n * len(asked) // count] for n in range(count))

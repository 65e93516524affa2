"""What a reader may begin with, before anything was asked: questions that the live build answers."""

from __future__ import annotations

import asyncio

from server.answering.suggestions import questions_about
from shared.index.port import Index, Snapshot
from shared.models import Chunk

OPENINGS = 4
_PAGES = 12
"""Looked at: some say nothing that can be asked about."""
_CHUNKS = 6
"""Of each: the beginning of a page says what it is about."""


class Openings:
    """Questions about pages all over the book, found once a build."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._build_id = ""
        self._questions: tuple[str, ...] = ()

    async def questions(self) -> tuple[str, ...]:
        """Up to four, each about another page. Raises `NotBuiltError` and `ServiceError`."""
        async with self._index.snapshot() as snapshot:
            if self._build_id != snapshot.build.id:
                self._questions = await _spread(snapshot)
                self._build_id = snapshot.build.id
        return self._questions


async def _spread(snapshot: Snapshot) -> tuple[str, ...]:
    paths = await snapshot.documents()
    step = -(-len(paths) // _PAGES) or 1
    pages: list[list[Chunk]] = await asyncio.gather(*(snapshot.page(path, last=_CHUNKS) for path in paths[::step]))
    asked = [found for page in pages for found in questions_about(page, 1)]
    count = min(len(asked), OPENINGS)
    return tuple(asked[n * len(asked) // count] for n in range(count))

"""What is asked of one open build."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from shared.index.embedded.open_build import OpenBuild
from shared.index.port import Filter
from shared.index.tie_breaking import ScoredId, break_ties
from shared.models import Build, Chunk, Hit, SparseVector

_CONTENTS_AT_ONCE = 500


class EmbeddedSnapshot:
    """One open build."""

    def __init__(self, held: OpenBuild) -> None:
        self._held = held

    @property
    def build(self) -> Build:
        """What is held."""
        return self._held.build

    async def search(self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None = None) -> list[Hit]:
        """See `Snapshot.search`; a dense query against a lexical build, or one without terms, finds nothing."""
        if limit < 1 or not (query.indices if isinstance(query, SparseVector) else self.build.dimensions):
            return []

        async def fetch(size: int) -> list[ScoredId]:
            return await self._held.run(partial(self._held.search, query, limit=size, where=where))

        found = await break_ties(fetch, limit)
        chunks = await self._find([chunk_id for chunk_id, _ in found])
        return [Hit(chunk=chunks[chunk_id], score=score) for chunk_id, score in found]

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """See `Snapshot.chunks`."""
        found = await self._find(ids)
        return [found[chunk_id] for chunk_id in ids if chunk_id in found]

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """See `Snapshot.page`."""
        kept = self._held.records.kept_page(path, first, last)
        return kept if kept is not None else await self._held.run(partial(self._held.records.page, path, first, last))

    async def contents(self) -> AsyncIterator[list[str]]:
        """See `Snapshot.contents`."""
        for first in range(0, self.build.chunks, _CONTENTS_AT_ONCE):
            yield await self._held.run(partial(self._held.records.contents, first, _CONTENTS_AT_ONCE))

    async def documents(self) -> list[str]:
        """See `Snapshot.documents`."""
        return await self._held.run(self._held.records.paths)

    async def _find(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """Chunks by id; a thread is only for what is not in memory."""
        kept = self._held.records.kept(ids)
        return kept if len(kept) == len(ids) else await self._held.run(partial(self._held.records.find, ids))

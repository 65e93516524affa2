"""One build on a Qdrant server, held for the length of a question. What is asked of it at the same moment is one request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from functools import partial

from qdrant_client import models

from shared.index.port import Filter
from shared.index.remote import filters, points
from shared.index.remote.server import QdrantServer
from shared.index.remote.together import Together
from shared.index.tie_breaking import ScoredId, break_ties
from shared.models import Build, Chunk, Hit, SparseVector

_EXACT_UP_TO_CHUNKS = 20_000
"""Dense search scans that many vectors exactly in tens of milliseconds, and then agrees with the embedded index."""
_WINDOWS_IN_A_QUERY = 16
"""Places read with their neighbours in one request: a server in strict mode limits the conditions of a filter."""
_IDS_IN_A_QUERY = 64
"""Chunks read by their ids in one request, for the same reason."""
_CHUNKS_KEPT = 4096
"""Chunks remembered without their source, 20 MB: all of an ordinary book."""


class ChunkMemory:
    """Chunks of one collection by their points, as searches need them: without their source, those found again and again."""

    def __init__(self) -> None:
        self._name = ""
        self.paths: dict[str, list[str]] = {}
        """Files of the build that was asked for them last, by its id."""
        self._chunks: OrderedDict[str, Chunk] = OrderedDict()

    def of(self, name: str) -> OrderedDict[str, Chunk]:
        """Those of a collection; of another one than before: none yet."""
        if name != self._name:
            self._name, self._chunks = name, OrderedDict()
        while len(self._chunks) > _CHUNKS_KEPT:
            self._chunks.popitem(last=False)
        return self._chunks


class RemoteSnapshot:
    """One generation of one collection, and the manifest that says so."""

    def __init__(self, server: QdrantServer, name: str, manifest: points.Manifest, memory: ChunkMemory) -> None:
        self._server = server
        self._name = name
        self._manifest = manifest
        self._memory = memory
        self._live = partial(filters.live_in, manifest.live)
        self._queries = Together[models.QueryRequest, list[models.ScoredPoint]](partial(server.query, name))
        self._found = Together[Sequence[str], dict[str, Chunk]](self._read_found)
        self._pages = Together[filters.Window, list[Chunk]](self._read_pages)

    @property
    def build(self) -> Build:
        """What is held."""
        return self._manifest.build

    async def search(self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None = None) -> list[Hit]:
        """See `Snapshot.search`; a dense query against a lexical build, or one without terms, finds nothing.

        Only ids and scores are asked for; then the chunks that are not remembered.
        """
        if limit < 1 or not (query.indices if isinstance(query, SparseVector) else self.build.dimensions):
            return []
        vector, only = points.to_vector(query), self._live(*filters.where_conditions(where))
        exact = self.build.chunks <= _EXACT_UP_TO_CHUNKS
        point_of: dict[str, str] = {}

        async def fetch(size: int) -> list[ScoredId]:
            found = await self._queries.ask(self._server.nearest(vector, limit=size, only=only, exact=exact))
            scored = [(str((point.payload or {})["id"]), point.score) for point in found]
            point_of.update((chunk_id, str(point.id)) for (chunk_id, _), point in zip(scored, found, strict=True))
            return scored

        scored = await break_ties(fetch, limit)
        chunks = await self._found.ask([point_of[chunk_id] for chunk_id, _ in scored])
        hits = [(chunks.get(point_of[chunk_id]), score) for chunk_id, score in scored]
        return [Hit(chunk=chunk, score=score) for chunk, score in hits if chunk is not None]

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """See `Snapshot.chunks`."""
        wanted = [chunk_id for chunk_id in ids if points.is_point_id(chunk_id)]
        found: dict[str, Chunk] = {}
        for start in range(0, len(wanted), _IDS_IN_A_QUERY):
            among = self._live(filters.one_of("id", wanted[start : start + _IDS_IN_A_QUERY]))
            async for page in self._server.scroll(self._name, among, for_reader=True):
                found.update((chunk.id, chunk) for chunk in (points.to_chunk(record.payload) for record in page))
        return [found[chunk_id] for chunk_id in ids if chunk_id in found]

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """See `Snapshot.page`."""
        return await self._pages.ask(filters.Window(path, first, last))

    async def _read_found(self, asked: Sequence[Sequence[str]]) -> list[dict[str, Chunk]]:
        wanted = list(dict.fromkeys(chunk_id for ids in asked for chunk_id in ids))
        known = self._memory.of(self._name)
        found = {chunk_id: known[chunk_id] for chunk_id in wanted if chunk_id in known}
        missing = [chunk_id for chunk_id in wanted if chunk_id not in found]
        if missing:
            payloads = await self._server.retrieve(self._name, missing, text=False)
            found |= {chunk_id: points.to_chunk(payload) for chunk_id, payload in payloads.items()}
        for chunk_id, chunk in found.items():
            known[chunk_id] = chunk
            known.move_to_end(chunk_id)
        return [{chunk_id: found[chunk_id] for chunk_id in ids if chunk_id in found} for ids in asked]

    async def _read_pages(self, windows: Sequence[filters.Window]) -> list[list[Chunk]]:
        found: dict[str, Chunk] = {}
        for start in range(0, len(windows), _WINDOWS_IN_A_QUERY):
            among = self._live(filters.in_windows(windows[start : start + _WINDOWS_IN_A_QUERY]))
            async for page in self._server.scroll(self._name, among, for_reader=True):
                found.update((str(record.id), points.to_chunk(record.payload)) for record in page)
        chunks = sorted(found.values(), key=lambda chunk: (chunk.path, chunk.position))
        return [[chunk for chunk in chunks if window.holds(chunk)] for window in windows]

    async def contents(self) -> AsyncIterator[list[str]]:
        """See `Snapshot.contents`."""
        async for page in self._server.scroll(self._name, self._live(), payload=["content"]):
            yield [record.payload["content"] for record in page if record.payload]

    async def documents(self) -> list[str]:
        """See `Snapshot.documents`; remembered for as long as the build is live."""
        if self._manifest.live is None:
            return list(self._manifest.paths)
        if (paths := self._memory.paths.get(self.build.id)) is None:
            firsts = self._server.scroll(self._name, self._live(filters.first_of_page()), payload=["path"], for_reader=True)
            paths = sorted([record.payload["path"] async for page in firsts for record in page if record.payload])
            self._memory.paths = {self.build.id: paths}
        return list(paths)

"""The index on a Qdrant server or Qdrant Cloud: one collection per build, and an alias that says which of them is live.

`<collection>-<build id>` holds one build and is never written to again once `<collection>`, the alias, points at it. A snapshot
looks the alias up once and asks the concrete collection from then on. To roll back, point the alias at the other collection.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial

from pydantic import ValidationError
from qdrant_client import models

from shared.errors import ConfigurationError, NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.port import DENSE, Filter, Snapshot
from shared.index.remote import points
from shared.index.remote.leftovers import clean_up, signs_of_life
from shared.index.remote.server import QdrantServer
from shared.index.remote.together import Together
from shared.index.tie_breaking import ScoredId, break_ties
from shared.models import Build, Chunk, Hit, SparseVector

_EXACT_UP_TO_CHUNKS = 20_000
"""Dense search scans that many vectors exactly in tens of milliseconds, and then agrees with the embedded index."""
_HASHES_IN_A_QUERY = 256
_WINDOWS_IN_A_QUERY = 16
"""Places read with their neighbours in one request: a server in strict mode limits the conditions of a filter."""
_CHUNKS_KEPT = 4096
"""Chunks remembered without their source, 20 MB: all of an ordinary book."""
_LOOK_AGAIN_S = 1.0
"""So old what the alias points at may be before it is looked up in the background; the reader goes on with what is known."""
_LOOK_FIRST_S = 5.0
"""So old before the reader waits for it: two ingests later the build is gone."""


class ChunkMemory:
    """Chunks of one collection as searches need them, without their source: those that are found again and again."""

    def __init__(self) -> None:
        self._name = ""
        self._chunks: OrderedDict[str, Chunk] = OrderedDict()

    def of(self, name: str) -> OrderedDict[str, Chunk]:
        """Those of a collection; of another one than before: none yet."""
        if name != self._name:
            self._name, self._chunks = name, OrderedDict()
        while len(self._chunks) > _CHUNKS_KEPT:
            self._chunks.popitem(last=False)
        return self._chunks


class RemoteSnapshot:
    """One collection, and the manifest that was read from it. What is asked of it at the same moment is one request."""

    def __init__(self, server: QdrantServer, name: str, manifest: points.Manifest, memory: ChunkMemory) -> None:
        self._server = server
        self._name = name
        self._manifest = manifest
        self._memory = memory
        self._queries = Together[models.QueryRequest, list[models.ScoredPoint]](partial(server.query, name))
        self._found = Together[Sequence[str], dict[str, Chunk]](self._read_found)
        self._pages = Together[points.Window, list[Chunk]](self._read_pages)

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
        vector, only = points.to_vector(query), points.to_filter(where)
        exact = self.build.chunks <= _EXACT_UP_TO_CHUNKS

        async def fetch(size: int) -> list[ScoredId]:
            found = await self._queries.ask(self._server.nearest(vector, limit=size, only=only, exact=exact))
            return [(str(point.id), point.score) for point in found]

        scored = await break_ties(fetch, limit)
        chunks = await self._found.ask([chunk_id for chunk_id, _ in scored])
        return [Hit(chunk=chunks[chunk_id], score=score) for chunk_id, score in scored if chunk_id in chunks]

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """See `Snapshot.chunks`."""
        wanted = [chunk_id for chunk_id in ids if points.is_point_id(chunk_id)]
        found = await self._server.retrieve(self._name, wanted) if wanted else {}
        return [points.to_chunk(found[chunk_id]) for chunk_id in ids if chunk_id in found]

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """See `Snapshot.page`."""
        return await self._pages.ask(points.Window(path, first, last))

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

    async def _read_pages(self, windows: Sequence[points.Window]) -> list[list[Chunk]]:
        found: dict[str, Chunk] = {}
        for start in range(0, len(windows), _WINDOWS_IN_A_QUERY):
            among = points.windows_filter(windows[start : start + _WINDOWS_IN_A_QUERY])
            async for page in self._server.scroll(self._name, among, for_reader=True):
                found.update((str(record.id), points.to_chunk(record.payload)) for record in page)
        chunks = sorted(found.values(), key=lambda chunk: (chunk.path, chunk.position))
        return [[chunk for chunk in chunks if window.holds(chunk)] for window in windows]

    async def contents(self) -> AsyncIterator[list[str]]:
        """See `Snapshot.contents`."""
        async for page in self._server.scroll(self._name, points.ONLY_CHUNKS, payload=["content"]):
            yield [record.payload["content"] for record in page if record.payload]

    async def documents(self) -> list[str]:
        """See `Snapshot.documents`."""
        return list(self._manifest.paths)


class RemoteIndex:
    """Builds of one book as collections of one Qdrant server."""

    def __init__(self, server: QdrantServer, *, collection: str, bm25: Bm25) -> None:
        """`server` is closed by `aclose`. Nothing is connected to yet."""
        self._server = server
        self._collection = collection
        self._bm25 = bm25
        self._known: tuple[str, points.Manifest] | None = None
        self._memory = ChunkMemory()
        self._aliased: tuple[str | None, float] | None = None
        """What the alias pointed at, and when."""
        self._swaps = 0
        """Builds this process has made live."""
        self._looking: asyncio.Task[str | None] | None = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """See `Index.snapshot`; of the build that was live when last looked, a moment ago at most where readers come often."""
        name = await self._remembered()
        if name is None:
            raise NotBuiltError("No book has been indexed yet.")
        try:
            yield RemoteSnapshot(self._server, name, await self._manifest(name), self._memory)
        except ServiceError as exc:
            if exc.code == "404":  # deleted meanwhile: the next reader looks first
                self._aliased = None
            raise

    async def live(self) -> Build | None:
        """See `Index.live`."""
        name = await self._look()
        return (await self._manifest(name)).build if name else None

    async def records(self) -> dict[str, Chunk]:
        """See `Index.records`."""
        name = await self._server.aliased(self._collection)
        if name is None:
            return {}
        await self._manifest(name)
        pages = self._server.scroll(name, points.ONLY_CHUNKS)
        chunks = [points.to_chunk(record.payload) async for page in pages for record in page]
        return {chunk.id: chunk for chunk in chunks}

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """See `Index.vectors`; of length 1, as cosine search keeps them."""
        name = await self._server.aliased(self._collection)
        if not content_hashes or name is None or (await self._manifest(name)).build.dimensions is None:
            return {}
        hashes = list(content_hashes)
        found: dict[str, list[float]] = {}
        for start in range(0, len(hashes), _HASHES_IN_A_QUERY):
            among = points.content_filter(hashes[start : start + _HASHES_IN_A_QUERY])
            async for page in self._server.scroll(name, among, payload=["content_hash"], vectors=[DENSE]):
                for record in page:
                    found.update(points.to_hash_and_vector(record))
        return found

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """See `Index.publish`; a build that is live already is left alone.

        A failure leaves the alias as it was; what was written so far goes with a later publish.
        """
        await self._server.ping()
        name = f"{self._collection}-{build.id}"
        previous = await self._server.aliased(self._collection)
        if previous == name:
            return
        there = await self._server.collections()
        if self._collection in there:
            message = f"Qdrant at {self._server.address} has a collection {self._collection!r} that is not Lectern's alias"
            raise ConfigurationError(f"{message}; choose another COLLECTION.")
        if name in there:  # of a failed attempt at this build
            await self._server.delete(name)
        await self._server.create(name, build.dimensions)
        async with signs_of_life(self._server, name):
            batches = points.to_points(chunks, dense, self._bm25, at_once=self._server.batch_points)
            while batch := await asyncio.to_thread(next, batches, None):
                await self._server.upsert(name, batch)
            await self._server.wait_until_green(name)
        written = await self._server.count(name, points.ONLY_CHUNKS)
        if written != len(chunks):
            message = f"Collection {name!r} holds {written} chunks, expected {len(chunks)}; it was not made live."
            raise ServiceError("qdrant", message, transient=False)
        await self._server.upsert(name, [points.manifest_point(build, chunks)])
        await self._server.point_alias(self._collection, name, replace=previous is not None)
        self._swaps += 1  # what was asked before is no longer so
        self._aliased = None
        await clean_up(self._server, self._collection, live=name, previous=previous)

    async def prepare(self) -> None:
        """See `Index.prepare`."""
        await self._server.ping()
        await self._server.check_writable(self._collection)
        if live := await self._server.aliased(self._collection):
            await clean_up(self._server, self._collection, live=live, previous=None)

    async def ping(self) -> None:
        """See `Index.ping`; asks something for which the key is needed."""
        await self._server.ping()
        name = await self._server.aliased(self._collection)
        if name is None:
            return
        expected = (await self._manifest(name)).build.chunks
        written = await self._server.count(name, points.ONLY_CHUNKS, for_reader=True)
        if written != expected:
            message = f"Collection {name!r} on {self._server.address} holds {written} of {expected} chunks; ingest again."
            raise ServiceError("qdrant", message, transient=False, code="damaged")

    async def aclose(self) -> None:
        """Close the connections."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._server.aclose()

    async def _look(self) -> str | None:
        """What the alias points at now."""
        swaps = self._swaps
        name = await self._server.aliased(self._collection)
        if swaps == self._swaps:
            self._aliased = (name, time.monotonic())
        return name

    async def _remembered(self) -> str | None:
        """What the alias pointed at when it was last looked up; an old memory is renewed in the background."""
        if self._aliased is None or self._aliased[0] is None:
            return await self._look()
        age_s = time.monotonic() - self._aliased[1]
        if age_s > _LOOK_FIRST_S:
            return await self._look()
        if age_s > _LOOK_AGAIN_S and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._aliased[0]

    async def _manifest(self, name: str) -> points.Manifest:
        """What a collection says it is; kept, for it never changes."""
        if self._known is not None and self._known[0] == name:
            return self._known[1]
        payload = (await self._server.retrieve(name, [points.MANIFEST_ID])).get(points.MANIFEST_ID)
        try:
            manifest = points.Manifest.model_validate(payload)
        except ValidationError as exc:
            message = f"Collection {name!r} on {self._server.address} is not one this version of Lectern has written."
            raise ServiceError("qdrant", message, transient=False, code="foreign") from exc
        await self._server.fit(name)
        self._known = (name, manifest)
        return manifest

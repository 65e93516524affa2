"""The index on a Qdrant server or Qdrant Cloud: one collection per build, and an alias that says which of them is live.

`<collection>-<build id>` holds one build and is never written to again once `<collection>`, the alias, points at it. A snapshot
looks the alias up once and asks the concrete collection from then on. To roll back, point the alias at the other collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from pydantic import ValidationError

from shared.errors import ConfigurationError, NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.port import DENSE, Filter, Snapshot
from shared.index.remote import points
from shared.index.remote.leftovers import clean_up, signs_of_life
from shared.index.remote.server import QdrantServer
from shared.index.tie_breaking import ScoredId, break_ties
from shared.models import Build, Chunk, Hit, SparseVector

_EXACT_UP_TO_CHUNKS = 20_000
"""Dense search scans that many vectors exactly in tens of milliseconds, and then agrees with the embedded index."""
_HASHES_IN_A_QUERY = 256


class RemoteSnapshot:
    """One collection, and the manifest that was read from it."""

    def __init__(self, server: QdrantServer, name: str, manifest: points.Manifest) -> None:
        self._server = server
        self._name = name
        self._manifest = manifest

    @property
    def build(self) -> Build:
        """What is held."""
        return self._manifest.build

    async def search(self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None = None) -> list[Hit]:
        """See `Snapshot.search`; a dense query against a lexical build, or one without terms, finds nothing."""
        if limit < 1 or not (query.indices if isinstance(query, SparseVector) else self.build.dimensions):
            return []
        vector, only = points.to_vector(query), points.to_filter(where)
        exact = self.build.chunks <= _EXACT_UP_TO_CHUNKS
        chunks: dict[str, Chunk] = {}

        async def fetch(size: int) -> list[ScoredId]:
            found = await self._server.query(self._name, vector, limit=size, only=only, exact=exact)
            chunks.update({str(point.id): points.to_chunk(point.payload) for point in found})
            return [(str(point.id), point.score) for point in found]

        return [Hit(chunk=chunks[chunk_id], score=score) for chunk_id, score in await break_ties(fetch, limit)]

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """See `Snapshot.chunks`."""
        wanted = [chunk_id for chunk_id in ids if points.is_point_id(chunk_id)]
        found = await self._server.retrieve(self._name, wanted) if wanted else {}
        return [points.to_chunk(found[chunk_id]) for chunk_id in ids if chunk_id in found]

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """See `Snapshot.page`."""
        among = points.page_filter(path, first, last)
        pages = self._server.scroll(self._name, among, for_reader=True)
        found = [points.to_chunk(record.payload) async for page in pages for record in page]
        return sorted(found, key=lambda chunk: chunk.position)

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

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """See `Index.snapshot`."""
        name = await self._server.aliased(self._collection)
        if name is None:
            raise NotBuiltError("No book has been indexed yet.")
        yield RemoteSnapshot(self._server, name, await self._manifest(name))

    async def live(self) -> Build | None:
        """See `Index.live`."""
        name = await self._server.aliased(self._collection)
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
        await self._server.aclose()

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

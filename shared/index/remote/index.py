"""The index on a Qdrant server or Qdrant Cloud: one collection per build, and an alias that says which of them is live.

`<collection>-<build id>` holds one build and is never written to again once `<collection>`, the alias, points at it. A snapshot
looks the alias up once and asks the concrete collection from then on. To roll back, point the alias at the other collection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

from pydantic import ValidationError

from shared.errors import ConfigurationError, NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.port import DENSE, Snapshot
from shared.index.remote import points
from shared.index.remote.leftovers import clean_up, signs_of_life
from shared.index.remote.server import QdrantServer
from shared.index.remote.snapshot import ChunkMemory, RemoteSnapshot
from shared.models import Build, Chunk

_HASHES_IN_A_QUERY = 256
_LOOK_AGAIN_S = 1.0
"""So old what the alias points at may be before it is looked up in the background; the reader goes on with what is known."""
_LOOK_FIRST_S = 5.0
"""So old before the reader waits for it: two ingests later the build is gone."""


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

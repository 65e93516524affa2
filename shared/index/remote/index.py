"""The index on a Qdrant server or Qdrant Cloud: an alias says which collection is live, its manifest which of its generations.

A whole build is written into a collection of its own, `<collection>-<build id>`, and made live by letting `<collection>`, the
alias, point at it. A build that differs little from the live one becomes the next generation of the live collection
(`generations.py`). A snapshot looks both up once and asks for what is live in that generation from then on. To roll back, set
the manifest's `live` to the generation before, or, where there is none, point the alias at the other collection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

from pydantic import ValidationError

from shared.errors import ConfigurationError, NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.port import DENSE, LivePage, Snapshot
from shared.index.remote import filters, points
from shared.index.remote.generations import NextGeneration
from shared.index.remote.leftovers import clean_up, signs_of_life
from shared.index.remote.server import QdrantServer
from shared.index.remote.snapshot import ChunkMemory, RemoteSnapshot
from shared.models import Build, Chunk

_HASHES_IN_A_QUERY = 256
_LOOK_AGAIN_S = 1.0
"""So old what the alias points at may be before it is looked up in the background; the reader goes on with what is known."""
_LOOK_FIRST_S = 5.0
"""So old before the reader waits for it: two ingests later the build is gone."""

_Live = tuple[str, points.Manifest]
"""A collection, and what it says of itself."""


class RemoteIndex:
    """Builds of one book as collections of one Qdrant server."""

    def __init__(self, server: QdrantServer, *, collection: str, bm25: Bm25) -> None:
        """`server` is closed by `aclose`. Nothing is connected to yet."""
        self._server = server
        self._collection = collection
        self._bm25 = bm25
        self._fitted = ""
        """The collection whose limits are known."""
        self._memory = ChunkMemory()
        self._seen: tuple[_Live | None, float] | None = None
        """What was live, and when."""
        self._swaps = 0
        """Builds this process has made live."""
        self._looking: asyncio.Task[_Live | None] | None = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """See `Index.snapshot`; of the build that was live when last looked, a moment ago at most where readers come often."""
        live = await self._remembered()
        if live is None:
            raise NotBuiltError("No book has been indexed yet.")
        try:
            yield RemoteSnapshot(self._server, *live, self._memory)
        except ServiceError as exc:
            if exc.code == "404":  # deleted meanwhile: the next reader looks first
                self._seen = None
            raise

    async def live(self) -> Build | None:
        """See `Index.live`."""
        live = await self._look()
        return live[1].build if live else None

    async def records(self) -> dict[str, Chunk]:
        """See `Index.records`."""
        live = await self._look()
        if live is None:
            return {}
        pages = self._server.scroll(live[0], filters.live_in(live[1].live))
        chunks = [points.to_chunk(record.payload) async for page in pages for record in page]
        return {chunk.id: chunk for chunk in chunks}

    async def pages(self) -> dict[str, LivePage]:
        """See `Index.pages`."""
        live = await self._look()
        if live is None or live[1].live is None:
            return {}
        name, manifest = live
        generation = filters.live_in(manifest.live, filters.first_of_page())
        fields = ["path", points.PAGE_DIGEST, points.PAGE_CHUNKS]
        firsts = self._server.scroll(name, generation, payload=fields)
        pages = {
            record.payload["path"]: points.to_live_page(record.payload)
            async for some in firsts
            for record in some
            if record.payload
        }
        written = await self._server.count(name, filters.live_in(manifest.live))
        whole = manifest.build.chunks == written == sum(page.chunks for page in pages.values())
        return pages if whole else {}

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """See `Index.vectors`; of length 1, as cosine search keeps them."""
        live = await self._look() if content_hashes else None
        if live is None or live[1].build.dimensions is None:
            return {}
        name, manifest = live
        hashes = list(content_hashes)
        found: dict[str, list[float]] = {}
        for start in range(0, len(hashes), _HASHES_IN_A_QUERY):
            some = filters.one_of("content_hash", hashes[start : start + _HASHES_IN_A_QUERY])
            among = filters.live_in(manifest.live, some)
            async for page in self._server.scroll(name, among, payload=["content_hash"], vectors=[DENSE]):
                for record in page:
                    found.update(points.to_hash_and_vector(record))
        return found

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """See `Index.publish`; a build that is live already is left alone.

        A failure leaves the alias as it was; what was written so far goes with a later publish.
        """
        await self._server.ping()
        live = await self._look()
        previous = live[0] if live else None
        if live is not None and live[1].build.id == build.id:
            return
        name = f"{self._collection}-{build.id}"
        if name == previous:  # made for this build, and revised since
            name += "-again"
        there = await self._server.collections()
        if self._collection in there:
            message = f"Qdrant at {self._server.address} has a collection {self._collection!r} that is not Lectern's alias"
            raise ConfigurationError(f"{message}; choose another COLLECTION.")
        if name in there:  # of a failed attempt at this build
            await self._server.delete(name)
        await self._server.create(name, build.dimensions)
        async with signs_of_life(self._server, name):
            marks = points.page_marks(chunks)
            batches = points.to_points(chunks, dense, self._bm25, marks=marks, at_once=self._server.batch_points)
            while batch := await asyncio.to_thread(next, batches, None):
                await self._server.upsert(name, batch)
            await self._server.wait_until_green(name)
        written = await self._server.count(name, filters.live_in(points.FIRST_GENERATION))
        if written != len(chunks):
            message = f"Collection {name!r} holds {written} chunks, expected {len(chunks)}; it was not made live."
            raise ServiceError("qdrant", message, transient=False)
        first = points.FIRST_GENERATION
        await self._server.upsert(name, [points.manifest_point({first: build}, first)])
        await self._server.point_alias(self._collection, name, replace=previous is not None)
        self._moved()
        await clean_up(self._server, self._collection, live=name, previous=previous)

    async def revise(
        self,
        build: Build,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]] | None,
        *,
        base: Build,
        pages: Collection[str],
    ) -> None:
        """See `Index.revise`: the next generation of the live collection."""
        await self._server.ping()
        live = await self._look()
        if live is not None and live[1].build.id == build.id:
            return
        generation = live[1].live if live is not None and live[1].build.id == base.id else None
        if live is None or generation is None:
            message = f"Another build than {base.id} is live in {self._collection!r}; ingest again."
            raise ServiceError("qdrant", message, transient=True, code="changed")
        name, manifest = live
        following = NextGeneration(self._server, name, manifest, generation)
        await following.write(build, chunks, dense, pages=pages, bm25=self._bm25)
        self._moved()
        if await self._server.aliased(self._collection) != name:
            message = f"Another ingest made another collection live than {name!r} meanwhile; ingest again."
            raise ServiceError("qdrant", message, transient=True, code="changed")
        await clean_up(self._server, self._collection, live=name, previous=name)

    async def prepare(self) -> None:
        """See `Index.prepare`."""
        await self._server.ping()
        await self._server.check_writable(self._collection)
        if live := await self._look():
            await clean_up(self._server, self._collection, live=live[0], previous=None)

    async def ping(self) -> None:
        """See `Index.ping`; asks something for which the key is needed."""
        await self._server.ping()
        live = await self._look()
        if live is None:
            return
        name, expected = live[0], live[1].build.chunks
        written = await self._server.count(name, filters.live_in(live[1].live), for_reader=True)
        if written != expected:
            message = f"Collection {name!r} on {self._server.address} holds {written} of {expected} chunks; ingest again."
            raise ServiceError("qdrant", message, transient=False, code="damaged")

    async def aclose(self) -> None:
        """Close the connections."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._server.aclose()

    def _moved(self) -> None:
        """What was asked before is no longer so."""
        self._swaps += 1
        self._seen = None

    async def _look(self) -> _Live | None:
        """What is live now."""
        swaps = self._swaps
        name = await self._server.aliased(self._collection)
        live = (name, await self._manifest(name)) if name is not None else None
        if swaps == self._swaps:
            self._seen = (live, time.monotonic())
        return live

    async def _remembered(self) -> _Live | None:
        """What was live when it was last looked up; an old memory is renewed in the background."""
        if self._seen is None or self._seen[0] is None:
            return await self._look()
        age_s = time.monotonic() - self._seen[1]
        if age_s > _LOOK_FIRST_S:
            return await self._look()
        if age_s > _LOOK_AGAIN_S and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._seen[0]

    async def _manifest(self, name: str) -> points.Manifest:
        """What a collection says it is, now."""
        payload = (await self._server.retrieve(name, [points.MANIFEST_ID])).get(points.MANIFEST_ID)
        try:
            manifest = points.Manifest.model_validate(payload)
        except ValidationError as exc:
            message = f"Collection {name!r} on {self._server.address} is not one this version of Lectern has written."
            raise ServiceError("qdrant", message, transient=False, code="foreign") from exc
        if name != self._fitted:
            await self._server.fit(name)
            self._fitted = name
        return manifest

"""The index on a Qdrant server or Qdrant Cloud: one collection per build, and an alias that says which of them is live.

`<collection>-<build id>` holds one build and is never written to again once `<collection>`, the alias, points at it. A snapshot
looks the alias up once and asks the concrete collection from then on.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError
from qdrant_client import AsyncQdrantClient, models

from shared.bm25 import Bm25
from shared.errors import NotBuiltError, ServiceError
from shared.index import remote_points as points
from shared.index.port import DENSE, SPARSE, Filter, Snapshot
from shared.index.qdrant_errors import ask
from shared.index.ranking import Scored, rank
from shared.models import Build, Chunk, Hit, SparseVector
from shared.retry import IN_A_QUESTION, IN_AN_INGEST

T = TypeVar("T")

SEARCH_TIMEOUT_S = 5
WRITE_TIMEOUT_S = 60
OLDEST_SERVER = (1, 10)
"""The first with the query API and the IDF modifier."""
ORPHAN_AGE = timedelta(hours=1)
"""A collection without a manifest may be an ingest under way; after this long it is the leftover of one that was killed."""
_EXACT_UP_TO_CHUNKS = 20_000
"""Dense search scans that many vectors exactly in tens of milliseconds, and then agrees with the embedded index."""
_PAGE = 256
"""Points in one answer when many are read: 2 MB with text, 8 MB with 1,536 dimensions."""
_BUILD_TIME = re.compile(r"(\d{8})T?(\d{6})")


class RemoteSnapshot:
    """One collection, and the manifest that was read from it."""

    def __init__(self, index: RemoteIndex, name: str, manifest: points.Manifest) -> None:
        self._index = index
        self._name = name
        self._manifest = manifest

    @property
    def build(self) -> Build:
        """What is held."""
        return self._manifest.build

    async def search(
        self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None = None
    ) -> list[Hit]:
        """See `Snapshot.search`; a dense query against a lexical build, or one without terms, finds nothing."""
        if limit < 1 or not (query.indices if isinstance(query, SparseVector) else self.build.dimensions):
            return []
        vector, using = points.to_vector(query)
        params = models.SearchParams(exact=self.build.chunks <= _EXACT_UP_TO_CHUNKS)
        payloads: dict[str, dict[str, Any] | None] = {}

        async def fetch(size: int) -> list[Scored]:
            answer = await self._index.read(
                lambda client: client.query_points(
                    self._name,
                    query=vector,
                    using=using,
                    limit=size,
                    query_filter=points.to_filter(where),
                    search_params=params if using == DENSE else None,
                    timeout=SEARCH_TIMEOUT_S,
                )
            )
            payloads.update({str(point.id): point.payload for point in answer.points})
            return [(str(point.id), point.score) for point in answer.points]

        return [Hit(chunk=points.to_chunk(payloads[chunk_id]), score=score) for chunk_id, score in await rank(fetch, limit)]

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """See `Snapshot.chunks`."""
        found = await self._index.read(
            lambda client: client.retrieve(self._name, list(ids), with_payload=True, timeout=SEARCH_TIMEOUT_S)
        )
        chunks = {str(record.id): points.to_chunk(record.payload) for record in found if str(record.id) != points.MANIFEST_ID}
        return [chunks[chunk_id] for chunk_id in ids if chunk_id in chunks]

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """See `Snapshot.page`."""
        found = [points.to_chunk(r.payload) async for r in self._index.scroll(self._name, points.page_filter(path, first, last))]
        return sorted(found, key=lambda chunk: chunk.position)

    async def documents(self) -> list[str]:
        """See `Snapshot.documents`."""
        return list(self._manifest.paths)


class RemoteIndex:
    """Builds of one book as collections of one Qdrant server."""

    def __init__(self, client: AsyncQdrantClient, *, address: str, collection: str, bm25: Bm25) -> None:
        """`client` is closed by `aclose`; `address` is what errors call it. Nothing is connected to yet."""
        self._client = client
        self._address = address
        self._collection = collection
        self._bm25 = bm25
        self._known: tuple[str, points.Manifest] | None = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """See `Index.snapshot`."""
        name = await self._live_name()
        if name is None:
            raise NotBuiltError("No book has been indexed yet.")
        yield RemoteSnapshot(self, name, await self._manifest(name))

    async def live(self) -> Build | None:
        """See `Index.live`."""
        name = await self._live_name()
        return (await self._manifest(name)).build if name else None

    async def records(self) -> dict[str, Chunk]:
        """See `Index.records`."""
        name = await self._live_name()
        if name is None:
            return {}
        chunks = [points.to_chunk(record.payload) async for record in self.scroll(name, points.ONLY_CHUNKS)]
        return {chunk.id: chunk for chunk in chunks}

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """See `Index.vectors`; of length 1, as cosine search keeps them."""
        name = await self._live_name()
        if not content_hashes or name is None or (await self._manifest(name)).build.dimensions is None:
            return {}
        hashes = list(content_hashes)
        found: dict[str, list[float]] = {}
        for start in range(0, len(hashes), _PAGE):
            among = points.content_filter(hashes[start : start + _PAGE])
            async for record in self.scroll(name, among, with_payload=["content_hash"], with_vectors=[DENSE]):
                if isinstance(record.vector, dict) and record.payload:
                    found[record.payload["content_hash"]] = record.vector[DENSE]
        return found

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """See `Index.publish`. A failure leaves the alias as it was; what is written so far goes with a later publish."""
        await self.ping()
        name = f"{self._collection}-{build.id}"
        previous = await self._live_name()
        await self._create(name, build.dimensions if dense is not None else None)
        for batch in points.to_points(chunks, dense, self._bm25):
            await self._upsert(name, batch)
        await self._check_count(name, len(chunks))
        await self._upsert(name, [points.manifest_point(build, chunks)])
        await self._point_alias_at(name, replace=previous is not None)
        await self._clean_up(keep={name, previous})

    async def ping(self) -> None:
        """Return when a Qdrant server that is new enough answers."""
        info = await ask(self._client.info, address=self._address, timeout_s=SEARCH_TIMEOUT_S, patience=IN_A_QUESTION)
        if tuple(int(number) for number in re.findall(r"\d+", info.version)[:2]) < OLDEST_SERVER:
            wanted = ".".join(map(str, OLDEST_SERVER))
            message = f"Qdrant at {self._address} is version {info.version}; {wanted} or newer is needed."
            raise ServiceError("qdrant", message, transient=False, code="version")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def read(self, call: Callable[[AsyncQdrantClient], Awaitable[T]]) -> T:
        """What a reader asks of the server; gives up soon."""
        return await self._ask(call, SEARCH_TIMEOUT_S, writing=False)

    async def scroll(
        self,
        name: str,
        among: models.Filter,
        *,
        with_payload: bool | list[str] = True,
        with_vectors: bool | list[str] = False,
    ) -> AsyncIterator[models.Record]:
        """Every point that passes, page by page."""
        offset: Any = None
        while True:
            call = _scroll(name, among, offset, with_payload, with_vectors)
            records, offset = await self._ask(call, WRITE_TIMEOUT_S, writing=True)
            for record in records:
                yield record
            if offset is None:
                return

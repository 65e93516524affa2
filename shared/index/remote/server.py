"""Everything Lectern asks of a Qdrant server: each call with a timeout, retried where that may help, its errors translated."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from qdrant_client import AsyncQdrantClient, models

from shared.errors import ServiceError
from shared.index.port import DENSE, SPARSE
from shared.index.remote.breaker import Breaker
from shared.index.remote.errors import call_qdrant
from shared.index.remote.points import INDEXED_FIELDS, MAX_BATCH_POINTS
from shared.index.remote.storage import PLAIN, Storage, search_params
from shared.retry import IN_A_QUESTION, IN_AN_INGEST

T = TypeVar("T")

READ_TIMEOUT_S = 2
WRITE_TIMEOUT_S = 60
OLDEST_SERVER = (1, 10)
"""The first with the query API and the IDF modifier."""
GREEN_LIMIT_S = 300.0
GREEN_LOOK_S = 0.2
_PAGE = 256
"""Points in one answer when many are read: 2 MB with text, 8 MB with 1,536 dimensions."""
_QUERIES = 64
"""Searches in one request."""


class QdrantServer:
    """One server. Every method raises `ServiceError`; every write may be repeated without harm."""

    def __init__(self, client: AsyncQdrantClient, address: str, storage: Storage = PLAIN) -> None:
        """`address`: what errors call it."""
        self._client = client
        self._ask = partial(call_qdrant, address=address, timeout_s=READ_TIMEOUT_S, patience=IN_A_QUESTION)
        self._breaker = Breaker(partial(self._ask, client.info), address)
        self._writing = partial(call_qdrant, address=address, timeout_s=WRITE_TIMEOUT_S, patience=IN_AN_INGEST)
        self.address = address
        self._storage = storage
        self._page = _PAGE
        self._queries = _QUERIES
        self._exact = True
        self._quantized = False
        """Whether the collection that is asked keeps its vectors quantized."""
        self._read_s, self._write_s = READ_TIMEOUT_S, WRITE_TIMEOUT_S
        """What the server is told to give up after; we do a little later."""
        self.batch_points = MAX_BATCH_POINTS
        """Points in one upsert."""

    async def ping(self) -> None:
        """Return when a server that is new enough answers."""
        version = (await self._reading(self._client.info)).version
        if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < OLDEST_SERVER:
            wanted = ".".join(map(str, OLDEST_SERVER))
            message = f"Qdrant at {self.address} is version {version}; {wanted} or newer is needed."
            raise ServiceError("qdrant", message, transient=False, code="version")

    async def aliased(self, alias: str) -> str | None:
        """The collection an alias points at."""
        found = (await self._reading(self._client.get_aliases)).aliases
        return next((each.collection_name for each in found if each.alias_name == alias), None)

    async def collections(self) -> list[str]:
        """Names of all collections, aliases left out."""
        return [collection.name for collection in (await self._reading(self._client.get_collections)).collections]

    async def query(self, name: str, queries: Sequence[models.QueryRequest]) -> list[list[models.ScoredPoint]]:
        """Points nearest to each vector, best first."""
        found: list[list[models.ScoredPoint]] = []
        for start in range(0, len(queries), self._queries):
            some = list(queries[start : start + self._queries])

            async def ask(some: list[models.QueryRequest] = some) -> list[Any]:
                answers = await self._client.query_batch_points(name, some, timeout=self._read_s)
                if len(answers) != len(some):
                    raise ValueError(f"{len(answers)} answers to {len(some)} queries")
                return cast("list[Any]", answers)

            found.extend(answer.points for answer in await self._reading(ask))
        return found

    def nearest(
        self, vector: models.SparseVector | list[float], *, limit: int, only: models.Filter, exact: bool
    ) -> models.QueryRequest:
        """A query for the ids and scores of the points nearest to a vector, and for the ids of their chunks."""
        dense = isinstance(vector, list)
        return models.QueryRequest(
            query=vector,
            using=DENSE if dense else SPARSE,
            limit=limit,
            filter=only,
            params=search_params(exact=exact and self._exact, quantized=self._quantized) if dense else None,
            with_payload=["id"],
        )

    async def retrieve(self, name: str, ids: Sequence[str], *, text: bool = True) -> dict[str, dict[str, Any]]:
        """{id: payload} of the points that exist; `text` False: without their source."""
        payload = True if text else models.PayloadSelectorExclude(exclude=["text", "folders", "removed"])
        records: list[models.Record] = []
        for start in range(0, len(ids), self._page):
            some = list(ids[start : start + self._page])
            read = partial(self._client.retrieve, name, some, with_payload=payload, timeout=self._read_s)
            records += await self._reading(read)
        return {str(record.id): record.payload or {} for record in records}

    async def scroll(
        self,
        name: str,
        among: models.Filter,
        *,
        payload: bool | list[str] = True,
        vectors: bool | list[str] = False,
        for_reader: bool = False,
    ) -> AsyncIterator[list[models.Record]]:
        """Every point that passes a filter, a page at a time; `for_reader`: with a reader's patience, not an ingest's."""
        ask, timeout_s = (self._reading, self._read_s) if for_reader else (self._writing, self._write_s)
        offset: Any = None
        while True:
            page = partial(
                self._client.scroll,
                name,
                scroll_filter=among,
                limit=self._page,
                offset=offset,
                with_payload=payload,
                with_vectors=vectors,
                timeout=timeout_s,
            )
            records, offset = await ask(page)
            yield records
            if offset is None:
                return

    async def create(self, name: str, dimensions: int | None) -> None:
        """Make a collection for one build, with an index on what is filtered; `dimensions` None: sparse vectors only."""

        async def create_once() -> None:
            if await self._client.collection_exists(name):
                return  # an earlier attempt whose answer was lost
            await self._client.create_collection(name, timeout=self._write_s, **self._storage.creation(dimensions))

        await self._writing(create_once)
        await self.fit(name)
        for field, kind in INDEXED_FIELDS.items():
            await self._writing(
                partial(self._client.create_payload_index, name, field, field_schema=kind, wait=True, timeout=self._write_s)
            )

    async def fit(self, name: str) -> None:
        """Search the collection as it keeps its vectors, and ask for no more at once than its strict mode lets us, which a
        server may set for every new one.
        """
        config = (await self._reading(lambda: self._client.get_collection(name))).config
        self._quantized = config.quantization_config is not None
        strict = config.strict_mode_config
        if strict is not None and strict.enabled:
            self._page = min(self._page, strict.max_query_limit or _PAGE)
            self.batch_points = min(self.batch_points, strict.upsert_max_batchsize or MAX_BATCH_POINTS)
            self._queries = min(self._queries, strict.search_max_batchsize or _QUERIES)
            self._exact = strict.search_allow_exact is not False
            self._read_s = min(self._read_s, strict.max_timeout or READ_TIMEOUT_S)
            self._write_s = min(self._write_s, strict.max_timeout or WRITE_TIMEOUT_S)

    async def wait_until_green(self, name: str) -> None:
        """Return when the collection is optimised; raise `ServiceError` when it is not after `GREEN_LIMIT_S`, or cannot be."""
        deadline = asyncio.get_running_loop().time() + GREEN_LIMIT_S
        while True:
            info = await self._writing(lambda: self._client.get_collection(name))
            if info.status == models.CollectionStatus.GREEN:
                return
            error = getattr(info.optimizer_status, "error", None)
            if error or asyncio.get_running_loop().time() > deadline:
                why = error or f"it is still {info.status.value} after {GREEN_LIMIT_S:g} s"
                message = f"Collection {name!r} on {self.address} does not come to rest: {why}; it was not made live."
                raise ServiceError("qdrant", message, transient=error is None)
            await asyncio.sleep(GREEN_LOOK_S)

    async def check_writable(self, collection: str) -> None:
        """Raise `ServiceError` where the key may only read: deleting what is not there changes nothing."""
        await self._writing(lambda: self._client.delete_collection(f"{collection}-nothing", timeout=self._write_s))

    async def upsert(self, name: str, batch: list[models.PointStruct]) -> None:
        """Write points; they can be searched when this returns."""
        await self._writing(lambda: self._client.upsert(name, points=batch, wait=True, timeout=self._write_s))

    async def mark(self, name: str, ids: Sequence[str], payload: dict[str, Any]) -> None:
        """Set fields of points."""
        for start in range(0, len(ids), self._page):
            some: list[Any] = list(ids[start : start + self._page])
            await self._writing(partial(self._client.set_payload, name, payload, points=some, wait=True, timeout=self._write_s))

    async def unmark(self, name: str, field: str, among: models.Filter) -> None:
        """Take a field from every point that passes a filter."""
        await self._writing(partial(self._client.delete_payload, name, [field], points=among, wait=True, timeout=self._write_s))

    async def sweep(self, name: str, among: models.Filter) -> None:
        """Delete every point that passes a filter."""
        selector = models.FilterSelector(filter=among)
        await self._writing(partial(self._client.delete, name, selector, wait=True, timeout=self._write_s))

    async def count(self, name: str, among: models.Filter, *, for_reader: bool = False) -> int:
        """How many points pass a filter, exactly; `for_reader`: with a reader's patience, not an ingest's."""
        ask, timeout_s = (self._reading, self._read_s) if for_reader else (self._writing, self._write_s)
        return (await ask(lambda: self._client.count(name, count_filter=among, exact=True, timeout=timeout_s))).count

    async def point_alias(self, alias: str, name: str, *, replace: bool) -> None:
        """Let an alias name this collection, in one step for every reader."""
        create = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias))
        delete = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
        steps = [delete, create] if replace else [create]
        await self._writing(lambda: self._client.update_collection_aliases(steps, timeout=self._write_s))

    async def delete(self, name: str) -> None:
        """Delete a collection; one that is gone already is fine."""
        await self._writing(lambda: self._client.delete_collection(name, timeout=self._write_s))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._breaker.aclose()
        await self._client.close()

    async def _reading(self, call: Callable[[], Awaitable[T]]) -> T:
        return await self._breaker.call(partial(self._ask, call))

"""The part of Qdrant's REST API that Lectern uses, on a real socket, over qdrant-client's in-memory engine.

What it adds to `AsyncQdrantClient(":memory:")`: the client's own HTTP half, with everything going through JSON and back.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel
from qdrant_client import AsyncQdrantClient, models

from tests.support.loopback_http import Exchange, LoopbackServer, Received

VERSION = "1.17.0"


class QdrantStandIn:
    """The server; `async with QdrantStandIn() as server` runs it."""

    def __init__(self, key: str | None = None) -> None:
        """`key`: what every request but `GET /` must carry, as on a real server; None: no key."""
        self._key = key
        self.engine = AsyncQdrantClient(":memory:")
        self.asked: list[str] = []
        """Method and path of every request."""
        self.bytes_sent = 0
        """Of all answers, headers aside."""
        self.points_written = 0
        """Points in all upserts, and those named to be marked."""
        self._fields: dict[str, set[str]] = {}
        """What has an index, by collection."""
        self._server = LoopbackServer(self._serve)
        self._routes: list[tuple[str, Callable[..., Awaitable[object]]]] = [
            (r"GET /", self._info),
            (r"GET /collections", lambda _: self.engine.get_collections()),
            (r"GET /collections/([^/]+)", self._describe),
            (r"GET /aliases", lambda _: self.engine.get_aliases()),
            (r"POST /collections/aliases", self._change_aliases),
            (r"GET /collections/([^/]+)/exists", self._exists),
            (r"PUT /collections/([^/]+)", self._create),
            (r"DELETE /collections/([^/]+)", lambda _, name: self.engine.delete_collection(name)),
            (r"PUT /collections/([^/]+)/index", self._index),
            (r"PUT /collections/([^/]+)/points", self._upsert),
            (r"POST /collections/([^/]+)/points/payload", self._set_payload),
            (r"POST /collections/([^/]+)/points/payload/delete", self._delete_payload),
            (r"POST /collections/([^/]+)/points/delete", self._delete),
            (r"POST /collections/([^/]+)/points", self._retrieve),
            (r"POST /collections/([^/]+)/points/count", self._count),
            (r"POST /collections/([^/]+)/points/scroll", self._scroll),
            (r"POST /collections/([^/]+)/points/query/batch", self._query),
        ]

    async def __aenter__(self) -> QdrantStandIn:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()
        await self.engine.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    async def _serve(self, request: Received, exchange: Exchange) -> None:
        self.asked.append(f"{request.method} {request.path}")
        if self._key is not None and request.path != "/" and request.headers.get("api-key") != self._key:
            await exchange.reply(401, {"status": {"error": "Must provide an API key"}, "time": 0.0})
            return
        for pattern, answer in self._routes:
            if match := re.fullmatch(pattern, self.asked[-1]):
                try:
                    result = await answer(request.json(), *match.groups())
                except UnindexedError as error:
                    await exchange.reply(400, {"status": {"error": str(error)}, "time": 0.0})
                except ValueError as error:
                    await exchange.reply(404, {"status": {"error": str(error)}, "time": 0.0})
                else:
                    body = json.dumps(result if pattern == "GET /" else _envelope(result)).encode()
                    headers = {"content-type": "application/json"}
                    if "gzip" in request.headers.get("accept-encoding", ""):  # as a real server does
                        body, headers = gzip.compress(body, compresslevel=6), headers | {"content-encoding": "gzip"}
                    self.bytes_sent += len(body)
                    await exchange.reply(200, body, headers)
                return
        await exchange.reply(404, "<html>no such route</html>")

    async def _info(self, _: Any) -> object:
        return {"title": "qdrant - vector search engine", "version": VERSION}

    async def _change_aliases(self, body: Any) -> bool:
        return await self.engine.update_collection_aliases(models.ChangeAliasesOperation.model_validate(body).actions)

    async def _describe(self, _: Any, name: str) -> object:
        if not await self.engine.collection_exists(name):
            raise ValueError(f"Collection {name} not found")
        return await self.engine.get_collection(name)

    async def _exists(self, _: Any, name: str) -> object:
        return {"exists": await self.engine.collection_exists(name)}

    async def _create(self, body: Any, name: str) -> bool:
        given = models.CreateCollection.model_validate(body)
        return await self.engine.create_collection(
            name, vectors_config=given.vectors, sparse_vectors_config=given.sparse_vectors
        )

    async def _index(self, body: Any, name: str) -> object:
        given = models.CreateFieldIndex.model_validate(body)
        self._fields.setdefault(name, set()).add(given.field_name)
        return await self.engine.create_payload_index(name, given.field_name, field_schema=given.field_schema)

    async def _upsert(self, body: Any, name: str) -> object:
        points = models.PointsList.model_validate(body).points
        self.points_written += len(points)
        return await self.engine.upsert(name, points)

    async def _set_payload(self, body: Any, name: str) -> object:
        given = models.SetPayload.model_validate(body)
        self.points_written += len(given.points or [])
        self._check_indexed(name, given.filter)
        return await self.engine.set_payload(name, given.payload, points=given.points or given.filter)

    async def _delete_payload(self, body: Any, name: str) -> object:
        given = models.DeletePayload.model_validate(body)
        self._check_indexed(name, given.filter)
        return await self.engine.delete_payload(name, given.keys, points=given.points or given.filter)

    async def _delete(self, body: Any, name: str) -> object:
        if "filter" in body:
            selector = models.FilterSelector.model_validate(body)
            self._check_indexed(name, selector.filter)
            return await self.engine.delete(name, selector)
        return await self.engine.delete(name, models.PointIdsList.model_validate(body))

    async def _retrieve(self, body: Any, name: str) -> object:
        given = models.PointRequest.model_validate(body)
        return await self.engine.retrieve(
            name, given.ids, with_payload=given.with_payload or False, with_vectors=given.with_vector or False
        )

    async def _count(self, body: Any, name: str) -> object:
        given = models.CountRequest.model_validate(body)
        self._check_indexed(name, given.filter)
        return await self.engine.count(name, count_filter=given.filter, exact=bool(given.exact))

    async def _scroll(self, body: Any, name: str) -> object:
        given = models.ScrollRequest.model_validate(body)
        self._check_indexed(name, given.filter)
        points, following = await self.engine.scroll(
            name,
            scroll_filter=given.filter,
            limit=given.limit or 10,
            offset=given.offset,
            with_payload=given.with_payload or False,
            with_vectors=given.with_vector or False,
        )
        return {"points": [_plain(point) for point in points], "next_page_offset": following}

    async def _query(self, body: Any, name: str) -> object:
        searches = models.QueryRequestBatch.model_validate(body).searches
        for search in searches:
            self._check_indexed(name, search.filter)
        return await self.engine.query_batch_points(name, searches)

    def _check_indexed(self, name: str, among: models.Filter | None) -> None:
        """As strict mode does, which Qdrant Cloud has on (`unindexed_filtering_retrieve` and `_update`)."""
        missing = _fields_of(among.model_dump() if among else None) - self._fields.get(name, set())
        if missing:
            raise UnindexedError(f'Bad request: Index required but not found for "{min(missing)}"')


class UnindexedError(Exception):
    """A filter on a field without an index, on a server in strict mode."""


def _fields_of(condition: Any) -> set[str]:
    """Fields that a filter asks for, however deep."""
    if isinstance(condition, list):
        return set[str]().union(*map(_fields_of, condition))
    if not isinstance(condition, dict):
        return set()
    own = {condition["key"]} if isinstance(condition.get("key"), str) else set[str]()
    return own.union(*(_fields_of(value) for value in condition.values()))


def _envelope(result: object) -> dict[str, object]:
    return {"result": _plain(result), "status": "ok", "time": 0.0}


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [_plain(each) for each in value] if isinstance(value, list) else value

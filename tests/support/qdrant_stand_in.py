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
        return await self.engine.create_payload_index(name, given.field_name, field_schema=given.field_schema)

    async def _upsert(self, body: Any, name: str) -> object:
        return await self.engine.upsert(name, models.PointsList.model_validate(body).points)

    async def _retrieve(self, body: Any, name: str) -> object:
        given = models.PointRequest.model_validate(body)
        return await self.engine.retrieve(
            name, given.ids, with_payload=given.with_payload or False, with_vectors=given.with_vector or False
        )

    async def _count(self, body: Any, name: str) -> object:
        given = models.CountRequest.model_validate(body)
        return await self.engine.count(name, count_filter=given.filter, exact=bool(given.exact))

    async def _scroll(self, body: Any, name: str) -> object:
        given = models.ScrollRequest.model_validate(body)
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
        return await self.engine.query_batch_points(name, models.QueryRequestBatch.model_validate(body).searches)


def _envelope(result: object) -> dict[str, object]:
    return {"result": _plain(result), "status": "ok", "time": 0.0}


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [_plain(each) for each in value] if isinstance(value, list) else value

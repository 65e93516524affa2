"""Builds as points of one Qdrant collection.

Each chunk is a point: its named vectors, and as payload its record and the generation that `added` it; a generation that has it
no longer is set as `removed`. A build is what is live in one generation: added up to it, and not removed up to it. So a chunk
may be there twice, and the point's id is made of both. The first chunk of a page carries what tells whether the page is still
as it was.

One more point, without vectors, is the manifest: the builds to choose from by their generation, and which of them is live. It
is written last, and moved by one write. Where a whole collection is written the point in its place says until then when the one
who writes last gave a sign of life; where a generation is, the point beside it does.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Self, cast

from pydantic import BaseModel, Field, ValidationError, model_validator
from qdrant_client import models

from shared.index.bm25 import Bm25
from shared.index.digests import by_page, page_digest
from shared.index.older_records import upgrade
from shared.index.port import DENSE, SPARSE, LivePage
from shared.models import Build, Chunk, SparseVector

MANIFEST_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "lectern:manifest"))
WRITER_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "lectern:writer"))
"""The point by which the one who writes a generation gives signs of life."""
FIRST_GENERATION = 1
ADDED, REMOVED = "added", "removed"
PAGE_DIGEST, PAGE_CHUNKS = "page_digest", "page_chunks"
INDEXED_FIELDS = {
    "id": models.PayloadSchemaType.KEYWORD,
    "path": models.PayloadSchemaType.KEYWORD,
    "folders": models.PayloadSchemaType.KEYWORD,
    "content_hash": models.PayloadSchemaType.KEYWORD,
    "position": models.PayloadSchemaType.INTEGER,
    ADDED: models.PayloadSchemaType.INTEGER,
    REMOVED: models.PayloadSchemaType.INTEGER,
}
"""What is filtered on; servers in strict mode refuse to filter on anything else."""
MAX_BATCH_BYTES = 8_000_000
"""A quarter of what Qdrant takes in one request (32 MB)."""
MAX_BATCH_POINTS = 512
_DECIMALS = 8
"""Of a float in JSON: what is beyond is below the precision of the 32 bits it is kept in, and twice as long."""
_BYTES_PER_FLOAT = 13
"""The longest such a float gets with its comma; of weights of words, which are above 1, too."""

_OURS = frozenset({"folders", ADDED, REMOVED, PAGE_DIGEST, PAGE_CHUNKS})
"""What a payload holds besides the chunk's record."""
_UNKNOWN = "unknown"


class Manifest(BaseModel):
    """Payload of the manifest point."""

    live: int | None = None
    """The generation that readers see; None in collections of older versions, which have no generations."""
    builds: dict[int, Build] = {}
    """By generation: the live one, and the one before it, where that is in this collection."""
    older: Build | None = Field(default=None, alias="build")
    paths: list[str] = []
    """Of an older collection every file, sorted."""

    @property
    def build(self) -> Build:
        """The live one."""
        return self.older if self.live is None and self.older is not None else self.builds[self.live or 0]

    @model_validator(mode="after")
    def _names_a_build(self) -> Self:
        if self.older is None and self.live not in self.builds:
            raise ValueError("it names no build")
        return self


def to_points(
    chunks: Sequence[Chunk],
    dense: Sequence[Sequence[float]] | None,
    bm25: Bm25,
    *,
    marks: Mapping[str, Mapping[str, Any]],
    generation: int = FIRST_GENERATION,
    at_once: int = MAX_BATCH_POINTS,
) -> Iterator[list[models.PointStruct]]:
    """Chunks as points, in batches one request can carry, of at most `at_once`; `marks` as `page_marks` gives them."""
    batch: list[models.PointStruct] = []
    size = 0
    for position, chunk in enumerate(chunks):
        record = chunk.model_dump(mode="json")
        payload = {**record, "folders": folders(chunk.path), ADDED: generation, **marks.get(chunk.id, {})}
        point, bytes_ = _to_point(chunk, payload, dense[position] if dense is not None else None, bm25)
        if batch and (size + bytes_ > MAX_BATCH_BYTES or len(batch) == at_once):
            yield batch
            batch, size = [], 0
        batch.append(point)
        size += bytes_
    if batch:
        yield batch


def page_marks(chunks: Sequence[Chunk]) -> dict[str, dict[str, Any]]:
    """{id of a page's first chunk: what it says of the page}."""
    return {
        page[0].id: {PAGE_DIGEST: page_digest(page), PAGE_CHUNKS: len(page)}
        for page in by_page(chunks).values()
        if page[0].position == 0
    }


def manifest_point(builds: Mapping[int, Build], live: int) -> models.PointStruct:
    """The point that makes a build live, within a collection."""
    payload = {"live": live, "builds": {str(number): build.model_dump(mode="json") for number, build in builds.items()}}
    return models.PointStruct(id=MANIFEST_ID, vector={}, payload=payload)


def sign_point(now: datetime, writer: str, *, point_id: str = MANIFEST_ID) -> models.PointStruct:
    """A sign of life, while a build is being written."""
    return models.PointStruct(id=point_id, vector={}, payload={"writing": now.isoformat(), "writer": writer})


def last_sign(payload: dict[str, Any] | None) -> datetime | None:
    """When the one who writes a build last gave a sign of life; None: it is complete, or never gave one."""
    written = (payload or {}).get("writing")
    return datetime.fromisoformat(written) if isinstance(written, str) else None


def to_chunk(payload: dict[str, Any] | None) -> Chunk:
    """A chunk from its point's payload, which may lack the source."""
    record = {"text": ""} | {name: value for name, value in (payload or {}).items() if name not in _OURS}
    try:
        return Chunk.model_validate(record)
    except ValidationError:
        return upgrade(record)


def to_vector(query: Sequence[float] | SparseVector) -> models.SparseVector | list[float]:
    """A query as Qdrant takes it."""
    if isinstance(query, SparseVector):
        return models.SparseVector(indices=list(query.indices), values=list(query.values))
    return list(query)


def to_hash_and_vector(record: models.Record) -> dict[str, list[float]]:
    """{content hash: dense vector} of one point; empty when it has none."""
    vector = record.vector.get(DENSE) if isinstance(record.vector, dict) else None
    return {record.payload["content_hash"]: cast("list[float]", vector)} if vector and record.payload else {}


def mark_in(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a point says of its page, if it is the first of it."""
    return {name: payload[name] for name in (PAGE_DIGEST, PAGE_CHUNKS) if name in payload}


def to_live_page(payload: Mapping[str, Any]) -> LivePage:
    """What the first chunk of a page says of it."""
    return LivePage(str(payload.get(PAGE_DIGEST, _UNKNOWN)), int(payload.get(PAGE_CHUNKS, 0)))


def is_point_id(text: str) -> bool:
    """Whether Qdrant would take this for an id, and it is not the manifest's."""
    try:
        return str(uuid.UUID(text)) == text != MANIFEST_ID
    except ValueError:
        return False


def folders(path: str) -> list[str]:
    """Folders above a file, outermost first: `a/b/c.md` is in `a` and `a/b`."""
    return [str(folder) for folder in reversed(PurePosixPath(path).parents) if str(folder) != "."]


def _to_point(
    chunk: Chunk, payload: dict[str, Any], dense: Sequence[float] | None, bm25: Bm25
) -> tuple[models.PointStruct, int]:
    """A point, and at most how many bytes of JSON it is."""
    terms = bm25.document(chunk.content)
    weights = [round(value, _DECIMALS) for value in terms.values]
    vectors: dict[str, Any] = {SPARSE: models.SparseVector(indices=list(terms.indices), values=weights)}
    if dense is not None:
        vectors[DENSE] = [round(value, _DECIMALS) for value in dense]
    floats = len(dense or ()) + 2 * len(terms.indices)
    point_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{chunk.id} {payload[ADDED]}"))
    bytes_ = len(json.dumps(payload)) + _BYTES_PER_FLOAT * floats
    return models.PointStruct(id=point_id, vector=vectors, payload=payload), bytes_

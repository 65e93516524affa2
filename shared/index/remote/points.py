"""A build as points of one Qdrant collection.

Each chunk is a point: its id, its named vectors, its record as payload. One more point, without vectors, is the manifest. It is
written last; until then the point in its place says when the one who writes last gave a sign of life.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError
from qdrant_client import models

from shared.index.bm25 import Bm25
from shared.index.older_records import upgrade
from shared.index.port import DENSE, SPARSE, Filter
from shared.models import Build, Chunk, SparseVector

MANIFEST_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "lectern:manifest"))
INDEXED_FIELDS = {
    "path": models.PayloadSchemaType.KEYWORD,
    "folders": models.PayloadSchemaType.KEYWORD,
    "content_hash": models.PayloadSchemaType.KEYWORD,
    "position": models.PayloadSchemaType.INTEGER,
}
"""What is filtered on; servers in strict mode refuse to filter on anything else."""
MAX_BATCH_BYTES = 8_000_000
"""A quarter of what Qdrant takes in one request (32 MB)."""
MAX_BATCH_POINTS = 512
_DECIMALS = 8
"""Of a float in JSON: what is beyond is below the precision of the 32 bits it is kept in, and twice as long."""
_BYTES_PER_FLOAT = 13
"""The longest such a float gets with its comma; of weights of words, which are above 1, too."""

ONLY_CHUNKS = models.Filter(must_not=[models.HasIdCondition(has_id=[MANIFEST_ID])])


class Window(NamedTuple):
    """Chunks of one file at positions first..last, inclusive; `last` None: to its end."""

    path: str
    first: int
    last: int | None

    def holds(self, chunk: Chunk) -> bool:
        """Whether a chunk is one of them."""
        return chunk.path == self.path and self.first <= chunk.position and (self.last is None or chunk.position <= self.last)


class Manifest(BaseModel):
    """Payload of the manifest point."""

    build: Build
    paths: list[str]
    """Every file, sorted."""


def to_points(
    chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None, bm25: Bm25, *, at_once: int = MAX_BATCH_POINTS
) -> Iterator[list[models.PointStruct]]:
    """Chunks as points, in batches one request can carry, of at most `at_once`."""
    batch: list[models.PointStruct] = []
    size = 0
    for position, chunk in enumerate(chunks):
        point, bytes_ = _to_point(chunk, dense[position] if dense is not None else None, bm25)
        if batch and (size + bytes_ > MAX_BATCH_BYTES or len(batch) == at_once):
            yield batch
            batch, size = [], 0
        batch.append(point)
        size += bytes_
    if batch:
        yield batch


def manifest_point(build: Build, chunks: Sequence[Chunk]) -> models.PointStruct:
    """The point that makes a build complete."""
    manifest = Manifest(build=build, paths=sorted({chunk.path for chunk in chunks}))
    return models.PointStruct(id=MANIFEST_ID, vector={}, payload=manifest.model_dump(mode="json"))


def unfinished_point(now: datetime) -> models.PointStruct:
    """In place of the manifest, while a build is being written: a sign of life."""
    return models.PointStruct(id=MANIFEST_ID, vector={}, payload={"writing": now.isoformat()})


def last_sign(payload: dict[str, Any] | None) -> datetime | None:
    """When the one who writes a build last gave a sign of life; None: it is complete, or never gave one."""
    written = (payload or {}).get("writing")
    return datetime.fromisoformat(written) if isinstance(written, str) else None


def to_chunk(payload: dict[str, Any] | None) -> Chunk:
    """A chunk from its point's payload, which may lack the source."""
    record = {"text": ""} | (payload or {})
    record.pop("folders", None)
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


def is_point_id(text: str) -> bool:
    """Whether Qdrant would take this for an id, and it is not the manifest's."""
    try:
        return str(uuid.UUID(text)) == text != MANIFEST_ID
    except ValueError:
        return False


def to_filter(where: Filter | None) -> models.Filter | None:
    """A filter as Qdrant takes it; None when it restricts nothing."""
    fields = (("path", where.paths), ("folders", where.folders)) if where else ()
    must = [models.FieldCondition(key=key, match=models.MatchAny(any=list(values))) for key, values in fields if values]
    return models.Filter(must=list(must)) if must else None


def windows_filter(windows: Sequence[Window]) -> models.Filter:
    """Chunks in any of these windows."""
    return models.Filter(
        should=[
            models.Filter(
                must=[
                    models.FieldCondition(key="path", match=models.MatchValue(value=window.path)),
                    models.FieldCondition(key="position", range=models.Range(gte=window.first, lte=window.last)),
                ]
            )
            for window in windows
        ]
    )


def content_filter(content_hashes: Sequence[str]) -> models.Filter:
    """Chunks with one of these contents."""
    return models.Filter(must=[models.FieldCondition(key="content_hash", match=models.MatchAny(any=list(content_hashes)))])


def folders(path: str) -> list[str]:
    """Folders above a file, outermost first: `a/b/c.md` is in `a` and `a/b`."""
    return [str(folder) for folder in reversed(PurePosixPath(path).parents) if str(folder) != "."]


def _to_point(chunk: Chunk, dense: Sequence[float] | None, bm25: Bm25) -> tuple[models.PointStruct, int]:
    """A point, and at most how many bytes of JSON it is."""
    terms = bm25.document(chunk.content)
    weights = [round(value, _DECIMALS) for value in terms.values]
    vectors: dict[str, Any] = {SPARSE: models.SparseVector(indices=list(terms.indices), values=weights)}
    if dense is not None:
        vectors[DENSE] = [round(value, _DECIMALS) for value in dense]
    payload = {**chunk.model_dump(mode="json"), "folders": folders(chunk.path)}
    floats = len(dense or ()) + 2 * len(terms.indices)
    return models.PointStruct(id=chunk.id, vector=vectors, payload=payload), len(
        json.dumps(payload)
    ) + _BYTES_PER_FLOAT * floats

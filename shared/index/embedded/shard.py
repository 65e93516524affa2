"""Vectors of one build, by chunk id, in Qdrant Edge: Qdrant's own engine in this process. All else is in `records`.

Facts about qdrant-edge-py 0.9 this module stands on, each measured: it raises bare `Exception`, and a Rust panic on damaged
files is a `BaseException`; without a write-ahead log (`wal_enabled=False`, fixed when a shard is made) several processes may
have one shard open, and all is durable once `flush()` returns; some damage is silent, so whoever opens a shard must compare the
count; an exact scan over 5,000 x 1,536 floats takes 2 ms, so no graph is built: it would cost 6 s and no reader would notice;
each payload index costs 0.1 s of every ingest, so a search is restricted by ids (1 ms for 700 of them).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import qdrant_edge as edge

from shared.errors import ServiceError
from shared.index.port import DENSE, SPARSE
from shared.index.tie_breaking import ScoredId
from shared.models import SparseVector


class Shard:
    """One shard, open. Every method blocks; queries may run in several threads at once."""

    def __init__(self, path: Path, shard: edge.EdgeShard) -> None:
        """Use `create` or `load`."""
        self._path = path
        self._shard = shard

    @classmethod
    def create(cls, path: Path, dimensions: int | None) -> Shard:
        """A new, empty shard; `dimensions` None: sparse vectors only."""
        dense = (
            {DENSE: edge.EdgeVectorParams(dimensions, edge.Distance.Cosine, memory=edge.Memory.Cold)} if dimensions else None
        )
        sparse = {SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)}
        with _engine_errors("write", path):
            path.mkdir()
            config = edge.EdgeConfig(vectors=dense, sparse_vectors=sparse, wal_enabled=False)
            return cls(path, edge.EdgeShard.create(str(path), config))

    @classmethod
    def load(cls, path: Path) -> Shard:
        """The shard at `path`. Raises `ServiceError` when it is damaged or missing."""
        with _engine_errors("open", path):
            return cls(path, edge.EdgeShard.load(str(path)))

    def add(self, rows: Iterable[tuple[str, SparseVector, Sequence[float] | None]]) -> None:
        """Add chunks by id with their sparse and dense vectors."""
        with _engine_errors("write", self._path):
            self._shard.update(edge.UpdateOperation.upsert_points([_point(*row) for row in rows]))

    def remove(self, ids: Collection[str]) -> None:
        """Take chunks out."""
        with _engine_errors("write", self._path):
            self._shard.update(edge.UpdateOperation.delete_points(list(ids)))

    def count(self) -> int:
        """Chunks in the shard."""
        with _engine_errors("read", self._path):
            return self._shard.count(edge.CountRequest(exact=True))

    def search(
        self, query: Sequence[float] | SparseVector, *, limit: int, among: Collection[str] | None = None
    ) -> list[ScoredId]:
        """Ids and scores of the nearest chunks (of those in `among`), best first, ties in any order."""
        if isinstance(query, SparseVector):
            nearest = edge.Query.Nearest(_sparse(query), using=SPARSE)
        else:
            nearest = edge.Query.Nearest(list(query), using=DENSE)
        only = None if among is None else edge.Filter(must=[edge.HasIdCondition(set(among))])
        request = edge.QueryRequest(limit, query=nearest, filter=only, params=edge.SearchParams(exact=True))
        with _engine_errors("search", self._path):
            return [(str(point.id), point.score) for point in self._shard.query(request)]

    def finds(self, chunk_id: str) -> bool:
        """Whether the chunk is there and its own sparse vector finds it or its equals; true of one without any term."""
        with _engine_errors("read", self._path):
            records = self._shard.retrieve([chunk_id], with_payload=False, with_vector=[SPARSE])
        if not records:
            return False
        sparse = cast("dict[str, edge.SparseVector]", records[0].vector)[SPARSE]
        query = SparseVector(indices=tuple(sparse.indices), values=tuple(sparse.values))
        return not query.indices or bool(self.search(query, limit=1))

    def vectors(self, ids: Sequence[str]) -> dict[str, list[float]]:
        """Dense vectors by chunk id, of length 1, as cosine search keeps them."""
        with _engine_errors("read", self._path):
            records = self._shard.retrieve(list(ids), with_payload=False, with_vector=[DENSE])
        return {str(record.id): cast("dict[str, list[float]]", record.vector)[DENSE] for record in records}

    def flush(self) -> None:
        """Return when all that was added is on disk."""
        with _engine_errors("write", self._path):
            self._shard.flush()

    def close(self) -> None:
        """Let go of the files, which may have been deleted meanwhile."""
        with _engine_errors("close", self._path):
            self._shard.close()


def _point(chunk_id: str, sparse: SparseVector, dense: Sequence[float] | None) -> edge.Point:
    vectors: dict[str, edge.NamedVector] = {SPARSE: _sparse(sparse)}
    if dense is not None:
        vectors[DENSE] = list(dense)
    return edge.Point(chunk_id, vectors)


def _sparse(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(list(vector.indices), list(vector.values))


@contextmanager
def _engine_errors(doing: str, path: Path) -> Generator[None]:
    try:
        yield
    except BaseException as exc:
        # The engine raises bare Exception and, when Rust panics, pyo3's PanicException: a BaseException nobody can import.
        if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
            raise
        raise ServiceError("qdrant", f"Cannot {doing} the index in {path}: {exc}", transient=False) from exc

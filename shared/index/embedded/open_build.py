"""One build of the embedded index: written once, then held open and counted by its readers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.builds import BuildFolder
from shared.index.embedded.records import Records, write_records
from shared.index.embedded.shard import Shard
from shared.index.port import Filter
from shared.index.tie_breaking import ScoredId
from shared.models import Build, Chunk, SparseVector

T = TypeVar("T")

_RECORDS = "chunks.sqlite"
_SHARD = "shard"
_CHUNKS_IN_A_BATCH = 256
"""Chunks handed to the engine at once: their vectors are lists of Python floats for that moment, 12 MB at 1,536 dimensions."""


def write_build(path: Path, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None, bm25: Bm25) -> None:
    """Write chunk records and vectors into the empty folder `path`. Raises `ServiceError` when not all of them arrived."""
    write_records(path / _RECORDS, chunks)
    with closing(Shard.create(path / _SHARD, build.dimensions)) as shard:
        for start in range(0, len(chunks), _CHUNKS_IN_A_BATCH):
            some = chunks[start : start + _CHUNKS_IN_A_BATCH]
            vectors = dense[start : start + _CHUNKS_IN_A_BATCH] if dense is not None else [None] * len(some)
            sparse = [bm25.document(chunk.content) for chunk in some]
            shard.add(zip([chunk.id for chunk in some], sparse, vectors, strict=True))
        shard.flush()
        _check_count(path, "vectors", shard.count(), len(chunks))


class OpenBuild:
    """Records and vectors of one build, open in this process; closed by whoever lets go of it last.

    The index holds it once while it is live, each snapshot once, and each call in a thread once: a call whose reader was
    cancelled is still running, and nothing may be closed under it.
    """

    def __init__(self, build: Build, records: Records, shard: Shard) -> None:
        """Use `open`."""
        self.build = build
        self.records = records
        self.shard = shard
        self._holders = 1
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: BuildFolder, build_id: str) -> OpenBuild:
        """Open a build and compare what is there with its manifest. Raises `ServiceError` when it is damaged."""
        path = folder.path(build_id)
        build = folder.manifest(build_id)
        with ExitStack() as on_failure:
            records = Records(path / _RECORDS)
            on_failure.callback(records.close)
            _check_count(path, "chunk records", records.count(), build.chunks)
            shard = Shard.load(path / _SHARD)
            on_failure.callback(shard.close)
            _check_count(path, "vectors", shard.count(), build.chunks)
            on_failure.pop_all()
        return cls(build, records, shard)

    @staticmethod
    def read_records(path: Path) -> dict[str, Chunk]:
        """{id: chunk} of the build in `path`, without its vectors."""
        with closing(Records(path / _RECORDS)) as records:
            return {chunk.id: chunk for chunk in records.all()}

    def search(self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None) -> list[ScoredId]:
        """Ids and scores of the nearest chunks, best first, ties in any order."""
        if where is None or not (where.paths or where.folders):
            return self.shard.search(query, limit=limit)
        among = self.records.ids(where)
        return self.shard.search(query, limit=limit, among=among) if among else []

    def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """Dense vectors by content hash."""
        ids = self.records.ids_by_content(content_hashes)
        found = self.shard.vectors(list(ids.values())) if ids and self.build.dimensions else {}
        return {content_hash: found[chunk_id] for content_hash, chunk_id in ids.items() if chunk_id in found}

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` gives, run in a thread with this build held open until it is done."""
        return await asyncio.to_thread(self._run, call)

    def acquire(self) -> None:
        """One more holder. Raises `ServiceError` when it is closed already."""
        with self._lock:
            if self._holders == 0:
                raise ServiceError("qdrant", f"Build {self.build.id} is closed.", transient=True)
            self._holders += 1

    def release(self) -> bool:
        """One holder less; True: that was the last, and the caller must `close`."""
        with self._lock:
            self._holders -= 1
            return self._holders == 0

    def close(self) -> None:
        """Let go of the files."""
        self.records.close()
        self.shard.close()

    def _run(self, call: Callable[[], T]) -> T:
        self.acquire()
        try:
            return call()
        finally:
            if self.release():
                self.close()


def _check_count(path: Path, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise ServiceError(
            "qdrant", f"The index in {path} holds {found} {what}, expected {expected}; run a full ingest.", transient=False
        )

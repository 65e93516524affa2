"""One build of the embedded index: written once, then held open and counted by its readers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TypeVar

from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.builds import DAMAGED, BuildFolder, copy_files, damaged, size_of
from shared.index.embedded.disk_room import take_room
from shared.index.embedded.records import Records, revise_records, write_records
from shared.index.embedded.shard import Shard
from shared.index.port import Filter
from shared.index.tie_breaking import ScoredId
from shared.models import Build, Chunk, SparseVector

T = TypeVar("T")

_RECORDS = "chunks.sqlite"
_SHARD = "shard"
_ROOM_AT_LEAST = 16_000_000
"""Bytes that the files of a shard take without any chunk, with enough to spare."""
_ROOM_FOR_A_CHUNK = 1024
"""Besides its vectors."""
_CHUNKS_IN_A_BATCH = 256
"""Chunks handed to the engine at once: their vectors are lists of Python floats for that moment, 12 MB at 1,536 dimensions."""


def write_build(path: Path, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None, bm25: Bm25) -> None:
    """Write chunk records and vectors into the empty folder `path`.

    Raises `ServiceError` when not all of them arrived, or when the disk has no room for them.
    """
    write_records(path / _RECORDS, chunks)
    with (
        take_room(path, _ROOM_AT_LEAST + room_for(chunks, build.dimensions)) as room,
        closing(Shard.create(path / _SHARD, build.dimensions)) as shard,
    ):
        _add(shard, chunks, dense, bm25, lambda some: room.give_back(room_for(some, build.dimensions)))
        shard.flush()
    _check_written(path, build)


def revise_build(
    path: Path,
    build: Build,
    chunks: Sequence[Chunk],
    dense: Sequence[Sequence[float]] | None,
    bm25: Bm25,
    *,
    base: Path,
    pages: Collection[str],
) -> None:
    """Write into the empty folder `path` what the build in `base` holds, with `chunks` in the place of all it has of `pages`.

    The live build's files are copied, which takes seconds for a book that takes minutes to write. They are not linked: the
    engine writes into the files it has. Raises `ServiceError` as `write_build` does.
    """
    copied = size_of(base)
    with take_room(path, _ROOM_AT_LEAST + copied + room_for(chunks, build.dimensions)) as room:
        room.give_back(copied)
        copy_files(base, path, (_RECORDS, _SHARD))
        room.give_back(_ROOM_AT_LEAST + room_for(chunks, build.dimensions))
        gone = revise_records(path / _RECORDS, chunks, pages)
        with closing(Shard.load(path / _SHARD)) as shard:
            if gone:
                shard.remove(gone)
            _add(shard, chunks, dense, bm25)
            shard.flush()
    _check_written(path, build)


def _add(
    shard: Shard,
    chunks: Sequence[Chunk],
    dense: Sequence[Sequence[float]] | None,
    bm25: Bm25,
    before: Callable[[Sequence[Chunk]], None] = lambda _: None,
) -> None:
    """Add chunks a batch at a time; `before` is told of each."""
    for start in range(0, len(chunks), _CHUNKS_IN_A_BATCH):
        some = chunks[start : start + _CHUNKS_IN_A_BATCH]
        vectors = dense[start : start + _CHUNKS_IN_A_BATCH] if dense is not None else [None] * len(some)
        sparse = [bm25.document(chunk.content) for chunk in some]
        before(some)
        shard.add(zip([chunk.id for chunk in some], sparse, vectors, strict=True))


def _check_written(path: Path, build: Build) -> None:
    with closing(Records(path / _RECORDS)) as records:
        _check_count(path, "chunk records", records.count(), build.chunks)
    # What is on disk counts; and the engine deletes files of its own when it opens them for the first time.
    with closing(Shard.load(path / _SHARD)) as shard:
        _check_count(path, "vectors", shard.count(), build.chunks)


def check_room(folder: Path) -> None:
    """Raise `ServiceError` where not even the smallest build would fit."""
    with take_room(folder, _ROOM_AT_LEAST):
        pass


def room_for(chunks: Sequence[Chunk], dimensions: int | None) -> int:
    """Bytes that a shard takes for these at most: a sparse vector has no more than half as many terms as its text letters."""
    return sum(_ROOM_FOR_A_CHUNK + 4 * len(chunk.content) + 4 * (dimensions or 0) for chunk in chunks)


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
        """Open a build and compare what is there with its manifest.

        Raises `ServiceError` when it cannot be read, with the code `DAMAGED` when that is because of what it holds.
        """
        path = folder.path(build_id)
        build = folder.check(build_id)
        try:
            with ExitStack() as on_failure:
                records = Records(path / _RECORDS)
                on_failure.callback(records.close)
                _check_count(path, "chunk records", records.count(), build.chunks)
                shard = Shard.load(path / _SHARD)
                on_failure.callback(shard.close)
                _check_count(path, "vectors", shard.count(), build.chunks)
                on_failure.pop_all()
        except ServiceError as exc:
            raise ServiceError(exc.service, str(exc), transient=False, code=DAMAGED) from exc
        return cls(build, records, shard)

    def look_up(self) -> None:
        """Find a chunk as a reader's question would. Raises `ServiceError` when it is not found."""
        _check_count(self.records.path, "chunk records", self.records.count(), self.build.chunks)
        if (chunk_id := self.records.first_id()) is not None and not self.shard.finds(chunk_id):
            raise damaged(self.records.path.parent, f"chunk {chunk_id} is not found by its own words")

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


def is_whole(folder: BuildFolder, build_id: str) -> bool:
    """Whether the build can be opened and is what was written. Raises `ServiceError` when that cannot be told."""
    try:
        OpenBuild.open(folder, build_id).close()
    except ServiceError as exc:
        if exc.code != DAMAGED:
            raise
        return False
    return True


def open_newest_whole(folder: BuildFolder, current: str) -> OpenBuild:
    """The build `current`, or else the newest other one that is whole; raises what is wrong with `current` if there is none."""
    try:
        return OpenBuild.open(folder, current)
    except ServiceError:
        for other in folder.others(current):
            with suppress(ServiceError):
                return OpenBuild.open(folder, other)
        raise


def _check_count(path: Path, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise damaged(path, f"it holds {found} {what}, expected {expected}")

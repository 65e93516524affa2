"""Chunk records of one build, in SQLite beside its vectors: readable by any process, whoever holds the vectors.

The file is written once, before the build is live, and opened as immutable ever after: no locks, no journal.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from shared.errors import ServiceError
from shared.index.digests import by_page, page_digest
from shared.index.older_records import upgrade
from shared.index.port import Filter, LivePage
from shared.models import Chunk

_SCHEMA = """
CREATE TABLE chunks (
    id TEXT PRIMARY KEY, path TEXT NOT NULL, position INTEGER NOT NULL, content_hash TEXT NOT NULL, record TEXT NOT NULL
);
CREATE INDEX by_place ON chunks (path, position);
CREATE INDEX by_content ON chunks (content_hash);
CREATE TABLE pages (path TEXT PRIMARY KEY, digest TEXT NOT NULL, chunks INTEGER NOT NULL);
"""

_CHUNKS_KEPT = 4096
"""Chunks kept as objects: those that readers ask for again and again, and all of an ordinary book."""


def write_records(path: Path, chunks: Sequence[Chunk]) -> None:
    """Write `chunks` into a new file. Raises `ServiceError` when two share an id or the disk cannot take them."""
    with _sqlite_errors("write", path), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")  # a half-written build is never read
        connection.executescript(_SCHEMA)
        _insert(connection, chunks)
        connection.commit()


def revise_records(path: Path, chunks: Sequence[Chunk], pages: Collection[str]) -> list[str]:
    """Put `chunks` in the place of all that a file of records, copied and not yet read, has of `pages`; ids of what went."""
    listed = json.dumps(sorted(pages))
    with _sqlite_errors("write", path), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        those = "WHERE path IN (SELECT value FROM json_each(?))"
        gone = [row[0] for row in connection.execute(f"SELECT id FROM chunks {those}", (listed,))]  # noqa: S608
        connection.execute(f"DELETE FROM chunks {those}", (listed,))  # noqa: S608  a constant
        connection.execute(f"DELETE FROM pages {those}", (listed,))  # noqa: S608
        _insert(connection, chunks)
        connection.commit()
        return gone


def _insert(connection: sqlite3.Connection, chunks: Sequence[Chunk]) -> None:
    connection.executemany(
        "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)",
        ((chunk.id, chunk.path, chunk.position, chunk.content_hash, chunk.model_dump_json()) for chunk in chunks),
    )
    pages = ((path, page_digest(page), len(page)) for path, page in by_page(chunks).items())
    connection.executemany("INSERT INTO pages VALUES (?, ?, ?)", pages)


class Records:
    """An open file of chunk records; safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises `ServiceError` when there is no such file."""
        self.path = path
        self._kept: dict[str, Chunk] = {}
        self._orders: dict[str, tuple[str, ...]] = {}
        """Of each page that was asked for: the ids of its chunks, in order."""
        self._lock = threading.Lock()
        with _sqlite_errors("read", path):
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)

    def count(self) -> int:
        """How many there are."""
        return int(self._rows("SELECT count(*) FROM chunks")[0][0])

    def first_id(self) -> str | None:
        """The least of the ids; None when there is none."""
        return next((row[0] for row in self._rows("SELECT min(id) FROM chunks")), None)

    def all(self) -> list[Chunk]:
        """Every chunk, by path and position."""
        return self._chunks("SELECT record FROM chunks ORDER BY path, position")

    def find(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """The chunks among `ids` that exist, by id."""
        found = self.kept(ids)
        if missing := [chunk_id for chunk_id in ids if chunk_id not in found]:
            statement = "SELECT record FROM chunks WHERE id IN (SELECT value FROM json_each(?))"
            found |= self._keep(self._chunks(statement, json.dumps(missing)))
        return found

    def kept(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """Those of the chunks that are in memory, by id; does not block."""
        return {chunk_id: chunk for chunk_id in ids if (chunk := self._kept.get(chunk_id)) is not None}

    def page(self, path: str, first: int, last: int | None) -> list[Chunk]:
        """Chunks of one file at positions first..last, inclusive, in order."""
        if path not in self._orders:
            rows = self._rows("SELECT id FROM chunks WHERE path = ? ORDER BY position", path)
            self._orders[path] = tuple(row[0] for row in rows)
        ids = self._orders[path][first : None if last is None else last + 1]
        found = self.find(ids)
        return [found[chunk_id] for chunk_id in ids]

    def kept_page(self, path: str, first: int, last: int | None) -> list[Chunk] | None:
        """What `page` gives, where all of it is in memory, else None; does not block."""
        if (order := self._orders.get(path)) is None:
            return None
        ids = order[first : None if last is None else last + 1]
        found = self.kept(ids)
        return [found[chunk_id] for chunk_id in ids] if len(found) == len(ids) else None

    def contents(self, first: int, limit: int) -> list[str]:
        """What is indexed of `limit` chunks from number `first` on, by id."""
        statement = "SELECT json_extract(record, '$.content') FROM chunks ORDER BY id LIMIT ? OFFSET ?"
        return [row[0] for row in self._rows(statement, limit, first)]

    def pages(self) -> dict[str, LivePage]:
        """{path: its digest and number of chunks}; empty where the file is of a version that did not keep them."""
        if not self._rows("SELECT name FROM sqlite_master WHERE name = 'pages'"):
            return {}
        rows = self._rows("SELECT path, digest, chunks FROM pages")
        return {path: LivePage(digest, int(chunks)) for path, digest, chunks in rows}

    def paths(self) -> list[str]:
        """Every file, sorted."""
        return sorted(row[0] for row in self._rows("SELECT DISTINCT path FROM chunks"))

    def ids(self, where: Filter) -> list[str]:
        """Ids of the chunks in the given files and below the given folders."""
        statement = "SELECT id FROM chunks WHERE path IN (SELECT value FROM json_each(?))"
        below = tuple(f"{folder}/" for folder in where.folders) or ("",)
        paths = [path for path in where.paths or self.paths() if path.startswith(below)]
        return [row[0] for row in self._rows(statement, json.dumps(paths))]

    def ids_by_content(self, content_hashes: Collection[str]) -> dict[str, str]:
        """{content hash: id of a chunk that has it}."""
        statement = "SELECT content_hash, min(id) FROM chunks WHERE content_hash IN (SELECT value FROM json_each(?)) GROUP BY 1"
        return {row[0]: row[1] for row in self._rows(statement, json.dumps(list(content_hashes)))}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _chunks(self, statement: str, *values: str | int) -> list[Chunk]:
        return [_chunk(row[0]) for row in self._rows(statement, *values)]

    def _keep(self, chunks: Sequence[Chunk]) -> dict[str, Chunk]:
        """The chunks by id, kept in place of those kept longest."""
        found = {chunk.id: chunk for chunk in chunks}
        with self._lock:
            self._kept |= found
            for chunk_id in [*islice(self._kept, max(0, len(self._kept) - _CHUNKS_KEPT))]:
                del self._kept[chunk_id]
        return found

    def _rows(self, statement: str, *values: str | int) -> list[tuple[str, ...]]:
        with _sqlite_errors("read", self.path):
            return self._connection.execute(statement, values).fetchall()


def _chunk(record: str) -> Chunk:
    try:
        return Chunk.model_validate_json(record)
    except ValidationError:
        return upgrade(json.loads(record))


@contextmanager
def _sqlite_errors(doing: str, path: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise ServiceError("disk", f"Cannot {doing} the chunk records {path}: {exc}.", transient=False) from exc

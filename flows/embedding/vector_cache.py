"""Every vector ever bought, by model, dimensions and text: an edit pays for what changed, a rename for nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.errors import ServiceError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    model TEXT NOT NULL, dimensions INTEGER NOT NULL, content_hash TEXT NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (model, dimensions, content_hash)
)
"""
_OURS = "model = ? AND dimensions = ? AND content_hash IN (SELECT value FROM json_each(?))"
_LOCK_TIMEOUT_S = 30.0
"""Two ingests may share the file; each holds it for one batch."""


def as_floats(vector: Sequence[float]) -> array[float]:
    """The vector as float32; itself where it is that already."""
    return vector if isinstance(vector, array) and vector.typecode == "f" else array("f", vector)


class VectorCache:
    """Vectors of one model, in an SQLite file that several processes and threads may use at once. Every method blocks."""

    def __init__(self, path: Path, *, model: str, dimensions: int) -> None:
        """Open or make the file. Raises `ServiceError` when it cannot be written or is damaged."""
        self._path = path
        self._key = (model, dimensions)
        self._lock = threading.Lock()
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
            self._connection.execute("PRAGMA synchronous = FULL")  # a vector costs money, a flush does not
            self._connection.execute(_SCHEMA)

    def held(self, content_hashes: Collection[str]) -> set[str]:
        """Those of the hashes whose vector is here."""
        return {row[0] for row in self._rows("content_hash", content_hashes)}

    def find(self, content_hashes: Collection[str]) -> dict[str, array[float]]:
        """{hash: vector} of those that are here."""
        found: dict[str, array[float]] = {}
        for content_hash, blob in self._rows("content_hash, vector", content_hashes):
            found[content_hash] = array("f")
            found[content_hash].frombytes(blob)
        return found

    def everything(self) -> dict[str, array[float]]:
        """{hash: vector} of all there are."""
        with self._errors(), self._lock:
            statement = "SELECT content_hash FROM vectors WHERE model = ? AND dimensions = ?"
            content_hashes = [row[0] for row in self._connection.execute(statement, self._key)]
        return self.find(content_hashes)

    def store(self, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors by hash; on disk when this returns."""
        rows = [(*self._key, content_hash, as_floats(vector).tobytes()) for content_hash, vector in vectors.items()]
        with self._errors(), self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        with self._errors(), self._lock:
            self._connection.close()

    def _rows(self, columns: str, content_hashes: Collection[str]) -> list[tuple[str, bytes]]:
        with self._errors(), self._lock:
            statement = f"SELECT {columns} FROM vectors WHERE {_OURS}"  # noqa: S608  the columns are named in this module
            return self._connection.execute(statement, (*self._key, json.dumps(list(content_hashes)))).fetchall()

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            raise ServiceError("disk", f"Cannot use the embedding cache {self._path}: {exc}.", transient=False) from exc
        except sqlite3.DatabaseError as exc:
            message = f"The embedding cache {self._path} is damaged ({exc}); delete it, and vectors are taken from the index."
            raise ServiceError("disk", message, transient=False) from exc
        except OSError as exc:
            message = f"Cannot make the folder {self._path.parent}: {exc.strerror}."
            raise ServiceError("disk", message, transient=False) from exc

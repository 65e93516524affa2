"""A build as one file, for any engine and any machine: gzip over lines of JSON.

    {"lectern": 1, "build": {...}}                   the build
    {"chunk": {...}, "vector": "..."}                one for each chunk; the vector as base64 of little-endian float32
    {"chunks": 961, "sha256": "..."}                 how many, and the hash of all lines before

It is written beside its name and renamed when it is whole, so that no file of that name is half a build.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sys
import zlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import ValidationError

from flows.moving.carried import Carried
from shared.errors import ConfigurationError, ServiceError
from shared.models import Build, Chunk

FORMAT = 1
_FAST = 1
_LONGEST_LINE = 64_000_000
"""Bytes; a chunk of the largest size with 65,536 dimensions has a tenth of it."""


def write_archive(path: Path, carried: Carried, on_progress: Callable[[int], None]) -> int:
    """Write the build to `path`; its size in bytes. Raises `ServiceError` when the disk cannot take it."""
    draft = path.with_name(f"{path.name}.draft")
    try:
        with (
            draft.open("wb") as file,
            gzip.GzipFile("", "wb", _FAST, file, mtime=0) as packed,
        ):
            total = hashlib.sha256()
            for done, line in enumerate(_lines(carried)):
                total.update(line)
                packed.write(line)
                on_progress(done)
            end = {"chunks": len(carried.chunks), "sha256": total.hexdigest()}
            packed.write(_line(end))
        draft.replace(path)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise ServiceError("disk", f"Cannot write the backup {path}: {exc.strerror or exc}.", transient=False) from exc
    return path.stat().st_size


def read_archive(path: Path, on_progress: Callable[[int], None]) -> Carried:
    """The build in a file, whole and as it was written. Raises `ConfigurationError` when it is none."""
    try:
        with gzip.open(path, "rb") as file:
            return _read(cast("BinaryIO", file), path, on_progress)
    except (OSError, EOFError, zlib.error) as exc:
        raise _no_backup(path, getattr(exc, "strerror", None) or str(exc)) from exc


def _read(file: BinaryIO, path: Path, on_progress: Callable[[int], None]) -> Carried:
    total = hashlib.sha256()
    chunks: list[Chunk] = []
    vectors: list[array[float]] = []
    try:
        first = file.readline(_LONGEST_LINE)
        head = json.loads(first)
        if head.get("lectern") != FORMAT:
            raise _no_backup(path, f"it is of format {head.get('lectern')!r}, not {FORMAT}")
        build = Build.model_validate(head["build"])
        total.update(first)
        while line := file.readline(_LONGEST_LINE):
            record = json.loads(line)
            if "chunk" not in record:
                break
            total.update(line)
            chunks.append(Chunk.model_validate(record["chunk"]))
            if build.dimensions is not None:
                vectors.append(_unpack(record["vector"]))
            on_progress(len(chunks))
        else:
            raise _no_backup(path, "its end is missing")
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as exc:
        raise _no_backup(path, "it does not hold what a backup does") from exc
    if (record.get("chunks"), record.get("sha256")) != (len(chunks), total.hexdigest()) or len(chunks) != build.chunks:
        raise _no_backup(path, "it is not what was written")
    if any(len(vector) != build.dimensions for vector in vectors):
        raise _no_backup(path, "its vectors are of another size")
    return Carried(build, chunks, vectors if build.dimensions is not None else None)


def _lines(carried: Carried) -> Iterator[bytes]:
    yield _line({"lectern": FORMAT, "build": carried.build.model_dump(mode="json")})
    for place, chunk in enumerate(carried.chunks):
        record: dict[str, Any] = {"chunk": chunk.model_dump(mode="json")}
        if carried.dense is not None:
            record["vector"] = _pack(array("f", carried.dense[place]))
        yield _line(record)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _pack(vector: array[float]) -> str:
    return base64.b64encode(_little_endian(vector).tobytes()).decode("ascii")


def _unpack(packed: str) -> array[float]:
    vector = array("f")
    vector.frombytes(base64.b64decode(packed, validate=True))
    return _little_endian(vector)


def _little_endian(vector: array[float]) -> array[float]:
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _no_backup(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} cannot be restored: {why}.")

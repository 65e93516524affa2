"""A live build carried from where it is to where it is to be: chunks and vectors, whichever engines hold them."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import ConfigurationError, ServiceError
from shared.index.open_index import fingerprint, open_index
from shared.index.port import Index
from shared.models import Build, Chunk
from shared.settings import Settings

VECTORS_AT_ONCE = 512
"""Looked up in one go: 25 MB at 1,536 dimensions, as Python floats, for that moment."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A build out of any store."""

    build: Build
    chunks: Sequence[Chunk]
    dense: Sequence[Sequence[float]] | None
    """One vector for each chunk, same order, float32; None: it is searched by words only."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Index]:
    """The index the settings mean; closed with the context."""
    index = open_index(settings)
    try:
        yield index
    finally:
        await index.aclose()


async def take(index: Index, where: str, on_progress: Callable[[int], None]) -> Carried:
    """The live build; `on_progress` is told how many chunks have their vector. Raises `ServiceError`.

    `where`: what errors call the store. Raises `ConfigurationError` when it holds no build.
    """
    build = await index.live()
    if build is None:
        raise ConfigurationError(f"There is no build in {where}: nothing to take from it.")
    chunks = sorted((await index.records()).values(), key=lambda chunk: (chunk.path, chunk.position))
    dense = await _vectors(index, chunks, on_progress) if build.dimensions else None
    after = await index.live()
    if after is None or after.id != build.id:
        message = f"Another build went live in {where} while {build.id} was read; try again."
        raise ServiceError("disk", message, transient=True, code="changed")
    if len(chunks) != build.chunks:
        message = f"Build {build.id} in {where} has lost {build.chunks - len(chunks)} of {build.chunks} chunks; ingest first."
        raise ServiceError("disk", message, transient=False, code="damaged")
    return Carried(build, chunks, dense)


async def put(carried: Carried, index: Index) -> Build:
    """Make the build live there, under a name of its own: a build's id is given once."""
    now = datetime.now(UTC)
    build = carried.build.model_copy(update={"id": f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"})
    await index.prepare()
    await index.publish(build, carried.chunks, carried.dense)
    return build


async def check_may_replace(carried: Carried, index: Index, where: str, *, replace: bool) -> bool:
    """Whether there is anything to do: False where the same is live already.

    Raises `ConfigurationError` where another build is live and it is not to be replaced.
    """
    live = await index.live()
    if live is None:
        return True
    if (live.digest, live.fingerprint) == (carried.build.digest, carried.build.fingerprint):
        return False
    if not replace:
        raise ConfigurationError(
            f"In {where} build {live.id} of {live.source!r} is live, with {live.chunks} chunks. If it is to be replaced by "
            f"{carried.build.id} of {carried.build.source!r}, with {carried.build.chunks} chunks, add --replace."
        )
    return True


def tell_other_settings(build: Build, settings: Settings) -> list[str]:
    """A line where the next ingest will write the book anew."""
    if build.fingerprint == fingerprint(settings):
        return []
    return ["note: it was made with other settings or by another version; the next ingest writes the book anew"]


async def _vectors(index: Index, chunks: Sequence[Chunk], on_progress: Callable[[int], None]) -> list[array[float]]:
    hashes = list(dict.fromkeys(chunk.content_hash for chunk in chunks))
    found: dict[str, array[float]] = {}
    for start in range(0, len(hashes), VECTORS_AT_ONCE):
        some = await index.vectors(hashes[start : start + VECTORS_AT_ONCE])
        found.update((content_hash, array("f", vector)) for content_hash, vector in some.items())
        on_progress(len(found))
    if missing := len(hashes) - len(found):
        raise ServiceError("qdrant", f"{missing} of {len(hashes)} texts have no vector; ingest first.", transient=False)
    return [found[chunk.content_hash] for chunk in chunks]

"""Generations within one collection: how the next one is written beside the live one, and what is left of those before.

1. Whoever writes gives signs of life at one point, with a name of its own; who finds another's fresh sign there stays away.
2. What a killed attempt at a generation left is taken back: points added, and marks of removal, later than the live one.
3. Chunks that differ are added under the next generation's number, and those they replace marked as removed by it. Readers see
   neither: they ask for what is live in theirs.
4. What is live in the new generation is counted, and the manifest moved to it by one write.
5. Chunks that neither the live generation nor the one before it has are deleted: nobody holds them any more.

A writer that stood still, was taken for dead and goes on is noticed twice: by the name at the sign, before each batch and
before the manifest is moved, and by the count.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.remote import filters, points
from shared.index.remote.leftovers import DEAD_AFTER, signs_of_life
from shared.index.remote.server import QdrantServer
from shared.models import Build, Chunk

_PAGES_IN_A_QUERY = 64
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class NextGeneration:
    """The generation after the live one of a collection, being written."""

    def __init__(self, server: QdrantServer, name: str, manifest: points.Manifest, live: int) -> None:
        """`manifest` as it is now; `live` is its live generation."""
        self._server = server
        self._name = name
        self._manifest = manifest
        self._live = live
        self._number = live + 1
        self._writer = f"{_machine()}/{os.getpid()}/{secrets.token_hex(8)}"

    async def write(
        self,
        build: Build,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]] | None,
        *,
        pages: Collection[str],
        bm25: Bm25,
    ) -> None:
        """Write it and make it live: `chunks` in the place of what `pages` hold. A failure leaves the live one as it was."""
        await self._claim()
        try:
            async with signs_of_life(self._server, self._name, self._go_on):
                await take_back(self._server, self._name, self._live)
                await self._write(chunks, dense, pages, bm25)
                await self._check(build)
                await self._check_ours()
                builds = {self._live: self._manifest.build, self._number: build}
                await self._server.upsert(self._name, [points.manifest_point(builds, self._number)])
            await self._server.sweep(self._name, filters.only_up_to(points.REMOVED, self._live))
        finally:
            with suppress(ServiceError):  # else others wait until the sign is old
                await self._check_ours()
                await self._server.sweep(self._name, filters.only_ids([points.WRITER_ID]))

    async def _write(
        self, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None, pages: Collection[str], bm25: Bm25
    ) -> None:
        superseded, kept = await self._compare(chunks, pages)
        new = [place for place, chunk in enumerate(chunks) if chunk.id not in kept]
        batches = points.to_points(
            [chunks[place] for place in new],
            [dense[place] for place in new] if dense is not None else None,
            bm25,
            marks=points.page_marks(chunks),
            generation=self._number,
            at_once=self._server.batch_points,
        )
        while batch := await asyncio.to_thread(next, batches, None):
            await self._check_ours()
            await self._server.upsert(self._name, batch)
        await self._server.mark(self._name, superseded, {points.REMOVED: self._number})

    async def _compare(self, chunks: Sequence[Chunk], pages: Collection[str]) -> tuple[list[str], set[str]]:
        """Points of `pages` that are no longer so, and ids of the chunks that are there already as they are to be."""
        wanted, marks = {chunk.id: chunk for chunk in chunks}, points.page_marks(chunks)
        superseded: list[str] = []
        kept: set[str] = set()
        listed = sorted(pages)
        for start in range(0, len(listed), _PAGES_IN_A_QUERY):
            among = filters.live_in(self._live, filters.one_of("path", listed[start : start + _PAGES_IN_A_QUERY]))
            async for page in self._server.scroll(self._name, among):
                for record in page:
                    chunk, payload = points.to_chunk(record.payload), record.payload or {}
                    if wanted.get(chunk.id) == chunk and points.mark_in(payload) == marks.get(chunk.id, {}):
                        kept.add(chunk.id)
                    else:
                        superseded.append(str(record.id))
        return superseded, kept

    async def _check(self, build: Build) -> None:
        written = await self._server.count(self._name, filters.live_in(self._number))
        if written != build.chunks:
            message = f"Generation {self._number} of {self._name!r} holds {written} chunks, expected {build.chunks}"
            raise ServiceError("qdrant", f"{message}; it was not made live.", transient=False, code="damaged")

    async def _claim(self) -> None:
        payload = await self._at_the_sign() or {}
        sign = points.last_sign(payload)
        is_fresh = sign is not None and datetime.now(UTC) - sign < DEAD_AFTER
        if is_fresh and not _has_ended(str(payload.get("writer"))):
            raise _busy(self._name)
        await self._sign()
        await self._check_ours()

    async def _go_on(self) -> None:
        await self._check_ours()  # never over the sign of another
        await self._sign()

    async def _sign(self) -> None:
        sign = points.sign_point(datetime.now(UTC), self._writer, point_id=points.WRITER_ID)
        await self._server.upsert(self._name, [sign])

    async def _check_ours(self) -> None:
        if (await self._at_the_sign() or {}).get("writer") != self._writer:
            raise _busy(self._name)

    async def _at_the_sign(self) -> dict[str, object] | None:
        return (await self._server.retrieve(self._name, [points.WRITER_ID])).get(points.WRITER_ID)


async def take_back(server: QdrantServer, name: str, live: int) -> None:
    """Undo what was written of generations later than the live one."""
    await server.sweep(name, filters.after(points.ADDED, live))
    await server.unmark(name, points.REMOVED, filters.after(points.REMOVED, live))


def _machine() -> str:
    """This machine since it was started; another container is another one."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{platform.node()}:{boot}"


def _has_ended(writer: str) -> bool:
    """Whether the one who gave a sign was a process of this machine that is no more: a killed ingest is not waited for."""
    machine, _, process = writer.rpartition("/")[0].rpartition("/")
    if machine != _machine() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _busy(name: str) -> ServiceError:
    message = f"Another ingest is writing the collection {name!r}; wait until it ends."
    return ServiceError("qdrant", message, transient=True, code="busy")

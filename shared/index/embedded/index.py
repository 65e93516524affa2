"""The index without a server: Qdrant Edge in this process, one folder per build, swapped by replacing one small file.

Publishing and serving may run in different processes: a publisher writes a folder nobody reads yet and then renames `CURRENT`;
a server looks at `CURRENT` at every snapshot and opens the new build when the name has changed. The old one is closed when its
last reader leaves, and files deleted under it stay readable until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from shared.checks import check_writable
from shared.errors import NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.builds import BuildFolder, damaged
from shared.index.embedded.open_build import (
    OpenBuild,
    check_room,
    is_whole,
    open_newest_whole,
    revise_build,
    write_build,
)
from shared.index.embedded.snapshot import EmbeddedSnapshot
from shared.index.port import LivePage, Snapshot
from shared.models import Build, Chunk


class EmbeddedIndex:
    """Builds of one book in one folder."""

    def __init__(self, root: Path, bm25: Bm25) -> None:
        """`root`: the book's folder, made at the first publish; `bm25` makes the sparse vectors of what is published."""
        self._folder = BuildFolder(root)
        self._bm25 = bm25
        self._held: OpenBuild | None = None
        self._held_for: str | None = None
        """What CURRENT said when `_held` was opened; another build's id where that one is damaged."""
        self._unusable: tuple[str, ServiceError] | None = None
        """What CURRENT said, and why nothing can be opened: readers need not wait for finding out again."""
        self._switching = asyncio.Lock()
        self._closing: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """See `Index.snapshot`."""
        held = await self._lease()
        try:
            yield EmbeddedSnapshot(held)
        finally:
            self._release(held)

    async def live(self) -> Build | None:
        """See `Index.live`; opens it."""
        async with self._whatever_is_built() as held:
            return held.build if held else None

    async def records(self) -> dict[str, Chunk]:
        """See `Index.records`; read from the file beside the vectors."""
        async with self._whatever_is_built() as held:
            return {chunk.id: chunk for chunk in await held.run(held.records.all)} if held else {}

    async def pages(self) -> dict[str, LivePage]:
        """See `Index.pages`."""
        async with self._whatever_is_built() as held:
            return await held.run(held.records.pages) if held else {}

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """See `Index.vectors`; of length 1, as cosine search keeps them."""
        async with self._whatever_is_built() as held:
            if not content_hashes or held is None or held.build.dimensions is None:
                return {}
            return await held.run(partial(held.vectors, content_hashes))

    async def prepare(self) -> None:
        """See `Index.prepare`; where the live build is damaged, the newest whole one is live afterwards, or none.

        One that is open was found whole when it was opened: it is looked at, and not read again.
        """
        held = self._held
        is_sound = held is not None and await self._is_sound(held)
        await asyncio.to_thread(self._prepare, held.build.id if held is not None and is_sound else None)

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """See `Index.publish`; a build that is live already is left alone.

        Raises a transient `ServiceError` while another process publishes.
        """
        await self._let_go()
        await asyncio.to_thread(self._publish, build, chunks, dense)

    async def revise(
        self,
        build: Build,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]] | None,
        *,
        base: Build,
        pages: Collection[str],
    ) -> None:
        """See `Index.revise`: a copy of the live build's files, in which the difference is made."""
        await self._let_go()
        await asyncio.to_thread(partial(self._revise, build, chunks, dense, base, pages))

    async def ping(self) -> None:
        """See `Index.ping`; looks up a chunk, and again for the live build where another one stands in for it."""
        self._unusable = None
        async with self._whatever_is_built() as held:
            if held is None or await self._is_sound(held):
                return
        async with self._switching:
            held = await self._switch(anew=True)
        if not await self._is_sound(held):
            raise damaged(self._folder.root, f"answers come from {held.build.id}, which is not the live build")

    async def aclose(self) -> None:
        """Close the build that is open; readers that still hold it close it when they leave."""
        await self._let_go()

    async def _let_go(self) -> None:
        """Close the build that is open: with the one that is written beside it, it would be in memory twice."""
        held, self._held = self._held, None
        if held is not None:
            self._release(held)
        await asyncio.gather(*self._closing)

    def _prepare(self, sound: str | None) -> None:
        """`sound`: the build that need not be read to tell that it is whole."""
        check_writable(self._folder.root)
        check_room(self._folder.root)
        current = self._folder.current_id()
        if current is None or current == sound or is_whole(self._folder, current):
            return
        with self._folder.publishing():
            whole = next((other for other in self._folder.others(current) if is_whole(self._folder, other)), None)
            if whole is None:
                self._folder.forget()
            else:
                self._folder.make_live(whole)

    async def _is_sound(self, held: OpenBuild) -> bool:
        """Whether it is the live build, its files are as long as they were, and a chunk is found in it."""
        try:
            await asyncio.to_thread(self._folder.check, held.build.id, sizes_only=True)
            await held.run(held.look_up)
        except ServiceError:
            return False
        return held.build.id == self._held_for

    @asynccontextmanager
    async def _whatever_is_built(self) -> AsyncGenerator[OpenBuild | None]:
        """The live build, open; None when nothing was ever built."""
        try:
            held = await self._lease()
        except NotBuiltError:
            yield None
            return
        try:
            yield held
        finally:
            self._release(held)

    def _publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        with self._folder.publishing():
            previous = self._folder.current_id()
            if previous == build.id:
                return
            write_build(self._folder.start(build.id), build, chunks, dense, self._bm25)
            self._make_live(build, previous)

    def _revise(
        self,
        build: Build,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]] | None,
        base: Build,
        pages: Collection[str],
    ) -> None:
        with self._folder.publishing():
            previous = self._folder.current_id()
            if previous == build.id:
                return
            if previous != base.id:
                message = f"Another build than {base.id} is live in {self._folder.root}; ingest again."
                raise ServiceError("disk", message, transient=True, code="changed")
            path, old = self._folder.start(build.id), self._folder.path(base.id)
            revise_build(path, build, chunks, dense, self._bm25, base=old, pages=pages)
            self._make_live(build, previous)

    def _make_live(self, build: Build, previous: str | None) -> None:
        self._folder.finish(build)
        self._folder.make_live(build.id)
        self._folder.prune({build.id, previous} if previous else {build.id})

    async def _lease(self) -> OpenBuild:
        """The live build, opened if need be, with one more reader."""
        current = await asyncio.to_thread(self._folder.current_id)
        if current is None:
            raise NotBuiltError("No book has been indexed yet.")
        held = self._held
        if held is None or self._held_for != current:
            async with self._switching:
                held = await self._switch()
        held.acquire()
        return held

    async def _switch(self, *, anew: bool = False) -> OpenBuild:
        """Hold the build that CURRENT names now, which may no longer be the one it named a moment ago.

        `anew`: open it though it is held already.
        """
        while True:
            current = await asyncio.to_thread(self._folder.current_id)
            if current is None:
                raise NotBuiltError("No book has been indexed yet.")
            if self._held is not None and self._held_for == current and not anew:
                return self._held
            if self._unusable is not None and self._unusable[0] == current:
                raise _again(self._unusable[1])
            try:
                opened = await asyncio.to_thread(open_newest_whole, self._folder, current)
            except ServiceError as exc:
                if await asyncio.to_thread(self._folder.current_id) == current:
                    self._unusable = current, _again(exc)
                    raise
                continue
            before, self._held, self._held_for, self._unusable = self._held, opened, current, None
            if before is not None:
                self._release(before)
            return opened

    def _release(self, held: OpenBuild) -> None:
        if held.release():
            closing = asyncio.get_running_loop().run_in_executor(None, held.close)
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _again(error: ServiceError) -> ServiceError:
    """The same once more, without the trace that the other has gathered."""
    return ServiceError(error.service, str(error), transient=error.transient, code=error.code)

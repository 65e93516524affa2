"""The index without a server: Qdrant Edge in this process, one folder per build, swapped by replacing one small file.

Publishing and serving may run in different processes: a publisher writes a folder nobody reads yet and then renames `CURRENT`;
a server looks at `CURRENT` at every snapshot and opens the new build when the name has changed. The old one is closed when its
last reader leaves, and files deleted under it stay readable until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from shared.checks import check_writable
from shared.errors import NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.builds import BuildFolder
from shared.index.embedded.open_build import OpenBuild, write_build
from shared.index.port import Filter, Snapshot
from shared.index.tie_breaking import ScoredId, break_ties
from shared.models import Build, Chunk, Hit, SparseVector

_CONTENTS_AT_ONCE = 500


class EmbeddedSnapshot:
    """One open build."""

    def __init__(self, held: OpenBuild) -> None:
        self._held = held

    @property
    def build(self) -> Build:
        """What is held."""
        return self._held.build

    async def search(self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None = None) -> list[Hit]:
        """See `Snapshot.search`; a dense query against a lexical build, or one without terms, finds nothing."""
        if limit < 1 or not (query.indices if isinstance(query, SparseVector) else self.build.dimensions):
            return []

        async def fetch(size: int) -> list[ScoredId]:
            return await self._held.run(partial(self._held.search, query, limit=size, where=where))

        found = await break_ties(fetch, limit)
        chunks = await self._held.run(partial(self._held.records.find, [chunk_id for chunk_id, _ in found]))
        return [Hit(chunk=chunks[chunk_id], score=score) for chunk_id, score in found]

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """See `Snapshot.chunks`."""
        found = await self._held.run(partial(self._held.records.find, ids))
        return [found[chunk_id] for chunk_id in ids if chunk_id in found]

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """See `Snapshot.page`."""
        return await self._held.run(partial(self._held.records.page, path, first, last))

    async def contents(self) -> AsyncIterator[list[str]]:
        """See `Snapshot.contents`."""
        for first in range(0, self.build.chunks, _CONTENTS_AT_ONCE):
            yield await self._held.run(partial(self._held.records.contents, first, _CONTENTS_AT_ONCE))

    async def documents(self) -> list[str]:
        """See `Snapshot.documents`."""
        return await self._held.run(self._held.records.paths)


class EmbeddedIndex:
    """Builds of one book in one folder."""

    def __init__(self, root: Path, bm25: Bm25) -> None:
        """`root`: the book's folder, made at the first publish; `bm25` makes the sparse vectors of what is published."""
        self._folder = BuildFolder(root)
        self._bm25 = bm25
        self._held: OpenBuild | None = None
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
        """See `Index.live`."""
        return await asyncio.to_thread(self._live)

    async def records(self) -> dict[str, Chunk]:
        """See `Index.records`; read from the file beside the vectors."""
        live = await self.live()
        return await asyncio.to_thread(OpenBuild.read_records, self._folder.path(live.id)) if live else {}

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """See `Index.vectors`; of length 1, as cosine search keeps them. Opens the live build."""
        live = await self.live()
        if not content_hashes or live is None or live.dimensions is None:
            return {}
        held = await self._lease()
        try:
            return await held.run(partial(held.vectors, content_hashes))
        finally:
            self._release(held)

    async def prepare(self) -> None:
        """See `Index.prepare`."""
        await asyncio.to_thread(check_writable, self._folder.root)

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """See `Index.publish`; a build that is live already is left alone.

        Raises a transient `ServiceError` while another process publishes.
        """
        await asyncio.to_thread(self._publish, build, chunks, dense)

    async def ping(self) -> None:
        """Return when the folder can be read."""
        await asyncio.to_thread(self._folder.current_id)

    async def aclose(self) -> None:
        """Close the build that is open; readers that still hold it close it when they leave."""
        held, self._held = self._held, None
        if held is not None:
            self._release(held)
        await asyncio.gather(*self._closing)

    def _live(self) -> Build | None:
        current = self._folder.current_id()
        return self._folder.manifest(current) if current else None

    def _publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        with self._folder.publishing():
            previous = self._folder.current_id()
            if previous == build.id:
                return
            write_build(self._folder.start(build.id), build, chunks, dense, self._bm25)
            self._folder.finish(build)
            self._folder.make_live(build.id)
            self._folder.prune({build.id, previous} if previous else {build.id})

    async def _lease(self) -> OpenBuild:
        """The live build, opened if need be, with one more reader."""
        current = await asyncio.to_thread(self._folder.current_id)
        if current is None:
            raise NotBuiltError("No book has been indexed yet.")
        held = self._held
        if held is None or held.build.id != current:
            async with self._switching:
                held = await self._switch()
        held.acquire()
        return held

    async def _switch(self) -> OpenBuild:
        """Hold the build that CURRENT names now, which may no longer be the one it named a moment ago."""
        while True:
            current = await asyncio.to_thread(self._folder.current_id)
            if current is None:
                raise NotBuiltError("No book has been indexed yet.")
            if self._held is not None and self._held.build.id == current:
                return self._held
            try:
                opened = await asyncio.to_thread(OpenBuild.open, self._folder, current)
            except ServiceError:
                if await asyncio.to_thread(self._folder.current_id) == current:
                    raise
                continue
            before, self._held = self._held, opened
            if before is not None:
                self._release(before)
            return opened

    def _release(self, held: OpenBuild) -> None:
        if held.release():
            closing = asyncio.get_running_loop().run_in_executor(None, held.close)
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

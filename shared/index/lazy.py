"""An index that is opened in a thread when it is first asked: what opening it loads keeps no one waiting for something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress

from shared.errors import LecternError
from shared.index.port import Index, LivePage, Snapshot
from shared.models import Build, Chunk


class LazyIndex:
    """What `open_index` gives, once it is there; every method raises what opening raised."""

    def __init__(self, open_index: Callable[[], Index]) -> None:
        self._open = open_index
        self._opening: asyncio.Task[Index] | None = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """See `Index.snapshot`."""
        async with (await self._opened()).snapshot() as snapshot:
            yield snapshot

    async def live(self) -> Build | None:
        """See `Index.live`."""
        return await (await self._opened()).live()

    async def records(self) -> dict[str, Chunk]:
        """See `Index.records`."""
        return await (await self._opened()).records()

    async def pages(self) -> dict[str, LivePage]:
        """See `Index.pages`."""
        return await (await self._opened()).pages()

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """See `Index.vectors`."""
        return await (await self._opened()).vectors(content_hashes)

    async def prepare(self) -> None:
        """See `Index.prepare`."""
        await (await self._opened()).prepare()

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """See `Index.publish`."""
        await (await self._opened()).publish(build, chunks, dense)

    async def revise(
        self,
        build: Build,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]] | None,
        *,
        base: Build,
        pages: Collection[str],
    ) -> None:
        """See `Index.revise`."""
        await (await self._opened()).revise(build, chunks, dense, base=base, pages=pages)

    async def ping(self) -> None:
        """See `Index.ping`."""
        await (await self._opened()).ping()

    async def aclose(self) -> None:
        """Close it, if it was ever asked for and could be opened."""
        if self._opening is not None:
            with suppress(LecternError):
                await (await self._opened()).aclose()

    async def _opened(self) -> Index:
        if self._opening is None:
            self._opening = asyncio.create_task(asyncio.to_thread(self._open))
        return await asyncio.shield(self._opening)  # whoever stops waiting leaves it to the others

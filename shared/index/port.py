"""The index port: what both programs need of a vector store, and nothing a vendor calls it.

A *build* is one complete, immutable index of the book. An ingest writes a new build beside the live one, whole (`publish`) or
as what is different from it (`revise`), verifies it, and swaps one name. A reader holds a *snapshot* of one build for the time
of a question. So a kill at any instant leaves the old build serving, and no answer ever mixes two. Vectors of unchanged chunks
are never bought again: they come from the embedding cache or, where that is gone, from the live build itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from shared.models import Build, Chunk, Frozen, Hit, SparseVector

DENSE = "dense"
SPARSE = "bm25"


class Filter(Frozen):
    """Restricts a search; empty fields restrict nothing, several fields must all hold."""

    paths: tuple[str, ...] = ()
    """Only chunks of these files."""
    folders: tuple[str, ...] = ()
    """Only chunks below one of these folders (no trailing slash)."""


class LivePage(NamedTuple):
    """What the live build holds of one file."""

    digest: str
    """Of its chunk records (`page_digest`)."""
    chunks: int


class Base(NamedTuple):
    """A build that another is made of."""

    build: Build
    pages: Mapping[str, LivePage]
    """What it holds, by path."""


class Snapshot(Protocol):
    """One build, held open; it never changes while held."""

    @property
    def build(self) -> Build: ...

    async def search(self, query: Sequence[float] | SparseVector, *, limit: int, where: Filter | None = None) -> list[Hit]:
        """Chunks nearest to a dense vector (cosine) or a sparse one (BM25 with IDF), best first; ties broken by id.

        Their `text` may be left out: what is shown is read with its neighbours, by `page`.
        """
        ...

    async def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """The chunks with these ids, in this order; unknown ids are left out."""
        ...

    async def page(self, path: str, *, first: int = 0, last: int | None = None) -> list[Chunk]:
        """Chunks of one file whose position is within first..last (inclusive), in order."""
        ...

    async def documents(self) -> list[str]:
        """Paths of the files in the build, sorted."""
        ...

    def contents(self) -> AsyncIterator[list[str]]:
        """What is indexed of every chunk, some hundred at a time, in no order."""
        ...


class Index(Protocol):
    """A store of builds of one book. Every method raises `ServiceError` when the store cannot be reached or is damaged."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Hold the live build. Raises `NotBuiltError` when there is none."""
        ...

    async def live(self) -> Build | None:
        """The live build, or None."""
        ...

    async def records(self) -> dict[str, Chunk]:
        """{chunk id: chunk} of the live build; empty when there is none."""
        ...

    async def pages(self) -> dict[str, LivePage]:
        """{path: what is live of it}; empty when there is no build, when it lost chunks, or when it is too old to tell."""
        ...

    async def vectors(self, content_hashes: Collection[str]) -> dict[str, list[float]]:
        """Dense vectors the live build already holds for these content hashes (of its own fingerprint)."""
        ...

    async def prepare(self) -> None:
        """Clear what killed ingests left, and forget a live build that is damaged.

        Raises `ServiceError` unless a build can be written: before anything is bought, and before it is asked what is live.
        """
        ...

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        """Write `chunks` (with `dense[i]` for `chunks[i]`; None: lexical only) as a new build, verify its count, make it live.

        The build before it is kept for rollback; older and abandoned ones are deleted.
        """
        ...

    async def revise(
        self,
        build: Build,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]] | None,
        *,
        base: Build,
        pages: Collection[str],
    ) -> None:
        """Make `build` live: the live build `base` with `chunks` in the place of all that it has of the files `pages`.

        As `publish` does, but what is written is what changed. Raises `ServiceError` when another build than `base` is live.
        """
        ...

    async def ping(self) -> None:
        """Return when the store answers and the live build, if there is one, is whole; raise `ServiceError` otherwise."""
        ...

    async def aclose(self) -> None: ...

"""What the later steps of an ingest work with, opened and closed in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from flows.embedding.vector_cache import VectorCache
from flows.vocabulary import find_vocabulary
from shared.embedding.model import EmbeddingModel, open_embeddings
from shared.index.port import Index
from shared.models import Build, Chunk
from shared.settings import Settings
from shared.tokens import load_tokenizer


@dataclass(frozen=True, slots=True)
class DenseResources:
    """What buying vectors takes; absent where the book is searched by words only."""

    model: EmbeddingModel
    cache: VectorCache
    count: Callable[[str], int]
    """Tokens of a text."""

    async def held(self, chunks: Sequence[Chunk], live: Build | None, records: dict[str, Chunk], index: Index) -> set[str]:
        """Content hashes whose vectors need not be bought: the cache's, and the live build's if it is of this model.

        `records`: of the live build, but perhaps not all of it.
        """
        wanted = {chunk.content_hash for chunk in chunks}
        held = await asyncio.to_thread(self.cache.held, wanted)
        if live is not None and (live.embedding_model, live.dimensions) == (self.model.name, self.model.dimensions):
            held |= {record.content_hash for record in records.values()}
            if len(records) < live.chunks:
                held |= (await index.vectors(wanted - held)).keys()
        return held


@dataclass(frozen=True, slots=True)
class IngestResources:
    """The index, and what fills it with vectors."""

    settings: Settings
    index: Index
    dense: DenseResources | None


@asynccontextmanager
async def open_resources(settings: Settings, index: Index) -> AsyncGenerator[IngestResources]:
    """Everything the settings name beside the index; closed with the context. Raises `ServiceError`.

    Open it when the book is read: a client of an embedding model takes the memory of a process that reads pages.
    """
    async with AsyncExitStack() as stack:
        yield IngestResources(settings, index, await _open_dense(settings, stack))


async def _open_dense(settings: Settings, stack: AsyncExitStack) -> DenseResources | None:
    model = open_embeddings(settings)
    if model is None:
        return None
    stack.push_async_callback(model.aclose)
    path = settings.data_dir / "vectors.sqlite"
    cache = await asyncio.to_thread(partial(VectorCache, path, model=model.name, dimensions=model.dimensions))
    stack.callback(cache.close)
    tokenizer = await asyncio.to_thread(load_tokenizer, find_vocabulary(settings.data_dir))
    return DenseResources(model, cache, tokenizer.count)

"""Vectors for a book's chunks: from the cache, from the live index, and only then for money."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flows.embedding.vector_cache import VectorCache, as_floats
from shared.embedding.model import EmbeddingModel
from shared.errors import ServiceError
from shared.index.port import Index
from shared.models import Chunk

MAX_INPUT_TOKENS = 8_191
"""The API's limit for one text."""
MAX_BATCH_INPUTS = 64
"""The API takes 2,048; but a kill loses the batches in flight, and a small local model must answer four within the timeout."""
MAX_BATCH_TOKENS = 100_000
"""The API takes 300,000; its own count may differ from ours."""
REQUESTS_AT_ONCE = 4
"""Enough to hide the latency, few enough for the rate limit of a new account."""
_LOOKED_UP_AT_ONCE = 512
"""Vectors the live index hands over as lists of Python floats: 25 MB at 1,536 dimensions for that moment."""
_NOTHING = "."
"""Embedded in place of an empty text, which the API refuses."""


class Embedded(NamedTuple):
    """What `embed_chunks` found and bought."""

    vectors: Sequence[Sequence[float]]
    """One per chunk, same order, float32."""
    bought: int
    """Texts sent to the model."""
    tokens: int
    """Tokens in them."""


class _Batch(NamedTuple):
    hashes: tuple[str, ...]
    texts: tuple[str, ...]
    tokens: int


async def embed_chunks(
    chunks: Sequence[Chunk],
    *,
    index: Index,
    cache: VectorCache,
    model: EmbeddingModel,
    count: Callable[[str], int],
    on_progress: Callable[[int], None],
) -> Embedded:
    """A vector for every chunk; equal texts are embedded once.

    Vectors are kept in the cache as they arrive, while the next ones are bought: a kill loses at most the batches in flight and
    those that are being written, a failure none that arrived.
    `on_progress` is told how many different texts have theirs. Raises `ServiceError`.

    1. Look up every text's hash in the cache.
    2. Ask the live build, if it is of the same model, for those missing, and put them into the cache.
    3. Buy the rest in batches within the API's limits, a few at a time.
    """
    contents = {chunk.content_hash: chunk.content for chunk in chunks}
    vectors = await asyncio.to_thread(cache.find, contents.keys())
    on_progress(len(vectors))
    await _take_from_index(contents, vectors, index, cache, model)
    on_progress(len(vectors))
    missing = {content_hash: content for content_hash, content in contents.items() if content_hash not in vectors}
    batches = list(make_batches(missing, count))
    await _buy(batches, vectors, cache, model, on_progress)
    ordered = [vectors[chunk.content_hash] for chunk in chunks]
    return Embedded(ordered, len(missing), sum(batch.tokens for batch in batches))


def make_batches(contents: Mapping[str, str], count: Callable[[str], int]) -> Iterator[_Batch]:
    """Texts by hash, in order, in batches one request takes; none is empty or longer than the API allows."""
    batch: list[tuple[str, str]] = []
    tokens = 0
    for content_hash, content in contents.items():
        text, size = _fit(content, count)
        if batch and (len(batch) == MAX_BATCH_INPUTS or tokens + size > MAX_BATCH_TOKENS):
            yield _batch(batch, tokens)
            batch, tokens = [], 0
        batch.append((content_hash, text))
        tokens += size
    if batch:
        yield _batch(batch, tokens)


async def _take_from_index(
    contents: Mapping[str, str], vectors: dict[str, array[float]], index: Index, cache: VectorCache, model: EmbeddingModel
) -> None:
    live = await index.live()
    missing = [content_hash for content_hash in contents if content_hash not in vectors]
    if live is None or (live.embedding_model, live.dimensions) != (model.name, model.dimensions):
        return
    for start in range(0, len(missing), _LOOKED_UP_AT_ONCE):
        found = await index.vectors(missing[start : start + _LOOKED_UP_AT_ONCE])
        if found:
            await asyncio.to_thread(cache.store, found)
            vectors.update({content_hash: as_floats(vector) for content_hash, vector in found.items()})


async def _buy(
    batches: Sequence[_Batch],
    vectors: dict[str, array[float]],
    cache: VectorCache,
    model: EmbeddingModel,
    on_progress: Callable[[int], None],
) -> None:
    """Embed every batch. After a failure none is begun, those in flight are kept, and the first error is raised."""
    waiting = iter(batches)
    arrived: asyncio.Queue[Mapping[str, array[float]] | None] = asyncio.Queue()
    errors: list[BaseException] = []

    async def buy_in_turn() -> None:
        while not errors and (batch := next(waiting, None)):
            try:
                bought = await model.embed_documents(batch.texts)
                arrived.put_nowait(dict(zip(batch.hashes, map(as_floats, bought), strict=True)))
            except BaseException as exc:
                errors.append(exc)
                raise

    async def keep() -> None:
        """Write what has arrived since the last time, together: a flush to the disk takes as long for many as for few."""
        while (bought := await arrived.get()) is not None:
            together = dict(bought)
            while not arrived.empty() and (bought := arrived.get_nowait()) is not None:
                together |= bought
            try:
                await asyncio.to_thread(cache.store, together)
            except ServiceError as exc:
                errors.append(exc)
                return
            vectors.update(together)
            on_progress(len(vectors))
            if bought is None:
                return

    keeping = asyncio.create_task(keep())
    try:
        await asyncio.gather(*(buy_in_turn() for _ in range(min(REQUESTS_AT_ONCE, len(batches)))), return_exceptions=True)
    finally:
        arrived.put_nowait(None)
        await keeping
    if errors:
        raise errors[0]


def _batch(items: Sequence[tuple[str, str]], tokens: int) -> _Batch:
    return _Batch(tuple(content_hash for content_hash, _ in items), tuple(text for _, text in items), tokens)


def _fit(content: str, count: Callable[[str], int]) -> tuple[str, int]:
    """The text as the API takes it, and its tokens: one over the limit loses its end."""
    text = content if content.strip() else _NOTHING
    while (tokens := count(text)) > MAX_INPUT_TOKENS:
        text = text[: len(text) * MAX_INPUT_TOKENS // (tokens + 1)]
    return text, tokens

"""Where a book's vectors come from, and what is bought when."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from flows.embedding.embed import (
    MAX_BATCH_INPUTS,
    MAX_BATCH_TOKENS,
    MAX_INPUT_TOKENS,
    REQUESTS_AT_ONCE,
    Embedded,
    embed_chunks,
    make_batches,
)
from flows.embedding.vector_cache import VectorCache
from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from shared.models import Chunk
from tests.support.openai.vectors import bag_of_words
from tests.support.sample_builds import DIMENSIONS, make_build, make_chunks

BOOK = make_chunks({"a.md": ["Joints bend.", "Grippers close.", "Arms reach."], "b.md": ["Robots walk.", "Legs balance."]})


class Model:
    """Counts words into vectors of 4; `failing_from` is the first request that fails, `gate` holds requests back."""

    name = "hand-made"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.failing_from: int | None = None
        self.gate: asyncio.Event | None = None
        self.at_once = 0
        self.most_at_once = 0

    @property
    def bought(self) -> list[str]:
        return [text for request in self.requests for text in request]

    async def embed_query(self, text: str) -> list[float]:
        return bag_of_words(text, self.dimensions)

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.requests.append(list(texts))
        failing = self.failing_from is not None and len(self.requests) > self.failing_from
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
        finally:
            self.at_once -= 1
        if failing:
            raise ServiceError("embeddings", "No credit left.", transient=False, code="insufficient_quota")
        return [bag_of_words(text, self.dimensions) for text in texts]

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    cache = VectorCache(tmp_path / "vectors.sqlite", model=Model.name, dimensions=Model.dimensions)
    yield cache
    cache.close()


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EmbeddedIndex]:
    index = EmbeddedIndex(tmp_path / "index", Bm25())
    yield index
    await index.aclose()


def count_words(text: str) -> int:
    return len(text.split())


async def embed(
    chunks: Sequence[Chunk], model: Model, cache: VectorCache, index: EmbeddedIndex, progress: list[int] | None = None
) -> Embedded:
    heard: list[int] = [] if progress is None else progress
    return await embed_chunks(chunks, index=index, cache=cache, model=model, count=count_words, on_progress=heard.append)


async def test_every_chunk_gets_its_vector_in_order(model: Model, cache: VectorCache, index: EmbeddedIndex) -> None:
    progress: list[int] = []
    embedded = await embed(BOOK, model, cache, index, progress)
    assert embedded == ([array("f", bag_of_words(chunk.content, 4)) for chunk in BOOK], 5, 10)
    assert model.requests == [[chunk.content for chunk in BOOK]]
    assert progress == [0, 0, 5]


async def test_nothing_is_bought_twice(model: Model, cache: VectorCache, index: EmbeddedIndex) -> None:
    first = await embed(BOOK, model, cache, index)
    again = await embed(BOOK, model, cache, index)
    assert (again.vectors, again.bought, again.tokens) == (first.vectors, 0, 0)
    assert len(model.requests) == 1


async def test_an_edited_paragraph_buys_one_chunk_and_a_renamed_file_none(
    model: Model, cache: VectorCache, index: EmbeddedIndex
) -> None:
    await embed(BOOK, model, cache, index)
    edited = make_chunks({"a.md": ["Joints bend.", "Grippers open.", "Arms reach."], "b.md": ["Robots walk.", "Legs balance."]})
    assert (await embed(edited, model, cache, index)).bought == 1
    renamed = make_chunks({"z/new.md": [chunk.content for chunk in edited]})
    assert (await embed(renamed, model, cache, index)).bought == 0
    assert model.bought[5:] == ["Grippers open."]


async def test_equal_texts_are_bought_once(model: Model, cache: VectorCache, index: EmbeddedIndex) -> None:
    embedded = await embed(make_chunks({"a.md": ["Same.", "Same.", "Other."], "b.md": ["Same."]}), model, cache, index)
    assert model.bought == ["Same.", "Other."]
    assert (len(embedded.vectors), embedded.bought) == (4, 2)


async def test_a_lost_cache_costs_nothing_while_the_live_build_has_the_vectors(
    model: Model, cache: VectorCache, index: EmbeddedIndex, tmp_path: Path
) -> None:
    embedded = await embed(BOOK, model, cache, index)
    await index.publish(make_build(BOOK), BOOK, embedded.vectors)
    fresh = VectorCache(tmp_path / "fresh.sqlite", model=model.name, dimensions=model.dimensions)
    again = await embed(BOOK, model, fresh, index)
    assert again.bought == 0
    assert [list(vector) for vector in again.vectors] == [pytest.approx(list(vector)) for vector in embedded.vectors]
    assert fresh.held([chunk.content_hash for chunk in BOOK]) == {chunk.content_hash for chunk in BOOK}
    fresh.close()


async def test_vectors_of_another_model_are_not_taken_from_the_live_build(
    model: Model, cache: VectorCache, index: EmbeddedIndex
) -> None:
    other = make_build(BOOK).model_copy(update={"embedding_model": "other"})
    await index.publish(other, BOOK, [[1.0, 0.0, 0.0, 0.0]] * len(BOOK))
    assert (await embed(BOOK, model, cache, index)).bought == len(BOOK)


async def test_after_a_failure_nothing_more_is_begun_and_what_was_bought_is_kept(
    model: Model, cache: VectorCache, index: EmbeddedIndex
) -> None:
    many = make_chunks({"many.md": [f"Robot {n}." for n in range(10 * MAX_BATCH_INPUTS)]})
    model.failing_from = REQUESTS_AT_ONCE
    with pytest.raises(ServiceError, match="No credit left") as failed:
        await embed(many, model, cache, index)
    assert failed.value.code == "insufficient_quota"
    assert len(model.requests) <= 2 * REQUESTS_AT_ONCE
    kept = cache.held([chunk.content_hash for chunk in many])
    assert len(kept) == REQUESTS_AT_ONCE * MAX_BATCH_INPUTS

    model.failing_from = None
    assert (await embed(many, model, cache, index)).bought == len(many) - len(kept)


async def test_a_cancelled_run_keeps_what_it_bought(model: Model, cache: VectorCache, index: EmbeddedIndex) -> None:
    many = make_chunks({"many.md": [f"Robot {n}." for n in range(6 * MAX_BATCH_INPUTS)]})
    bought = asyncio.Event()

    def hear(done: int) -> None:
        if done:
            model.gate = asyncio.Event()
            bought.set()

    run = asyncio.create_task(embed_chunks(many, index=index, cache=cache, model=model, count=count_words, on_progress=hear))
    await bought.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert len(cache.held([chunk.content_hash for chunk in many])) >= MAX_BATCH_INPUTS


async def test_only_so_many_requests_are_under_way_at_once(model: Model, cache: VectorCache, index: EmbeddedIndex) -> None:
    await embed(make_chunks({"many.md": [f"Robot {n}." for n in range(12 * MAX_BATCH_INPUTS)]}), model, cache, index)
    assert len(model.requests) == 12
    assert model.most_at_once == REQUESTS_AT_ONCE


def test_a_batch_holds_no_more_texts_and_tokens_than_allowed() -> None:
    contents = {str(n): "word " * size for n, size in enumerate([1] * 300 + [MAX_INPUT_TOKENS] * 30)}
    batches = list(make_batches(contents, count_words))
    assert [content_hash for batch in batches for content_hash in batch.hashes] == list(contents)
    assert max(len(batch.texts) for batch in batches) == MAX_BATCH_INPUTS
    assert max(batch.tokens for batch in batches) <= MAX_BATCH_TOKENS
    assert all(batch.tokens == sum(map(count_words, batch.texts)) for batch in batches)
    assert list(make_batches({}, count_words)) == []


def test_a_text_over_the_limit_loses_its_end_and_an_empty_one_is_filled() -> None:
    contents = {"long": "word " * 20_000, "empty": "", "blank": " \n"}
    (batch,) = make_batches(contents, count_words)
    long, empty, blank = batch.texts
    assert 0.9 * MAX_INPUT_TOKENS < count_words(long) <= MAX_INPUT_TOKENS
    assert contents["long"].startswith(long)
    assert empty.strip()
    assert blank.strip()


async def test_texts_go_on_being_bought_while_the_cache_is_written(index: EmbeddedIndex, tmp_path: Path) -> None:
    many = make_chunks({"many.md": [f"Robot {n}." for n in range(6 * MAX_BATCH_INPUTS)]})
    all_asked_for = threading.Event()
    writes: list[int] = []

    class EagerModel(Model):
        async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
            if len(self.requests) == 5:
                all_asked_for.set()
            return await super().embed_documents(texts)

    class SlowCache(VectorCache):
        def store(self, vectors: Mapping[str, Sequence[float]]) -> None:
            all_asked_for.wait()
            writes.append(len(vectors))
            super().store(vectors)

    cache = SlowCache(tmp_path / "slow.sqlite", model=Model.name, dimensions=Model.dimensions)
    assert (await embed(many, EagerModel(), cache, index)).bought == len(many)
    assert sum(writes) == len(many)
    assert len(writes) <= 3
    cache.close()


async def test_a_cache_that_cannot_be_written_ends_the_run(index: EmbeddedIndex, tmp_path: Path) -> None:
    class FullCache(VectorCache):
        def store(self, vectors: Mapping[str, Sequence[float]]) -> None:
            raise ServiceError("disk", "No space left.", transient=False)

    cache = FullCache(tmp_path / "full.sqlite", model=Model.name, dimensions=Model.dimensions)
    with pytest.raises(ServiceError, match="No space left"):
        await embed(BOOK, Model(), cache, index)
    cache.close()

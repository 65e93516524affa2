"""What the run of one shard does: read its pages and buy their vectors, a batch at a time, and hand over each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.book import Bought, open_book, reading_rules
from flows.embedding.embed import embed_chunks
from flows.embedding.resources import DenseResources, open_resources
from flows.embedding.vector_cache import VectorCache
from flows.processes.messages import ReadingRules
from flows.processes.page_cache import PageCache
from flows.processes.pool import Readers, open_readers, processes_for
from flows.progress import Tracker
from flows.sharding.handover import BOUGHT, VECTORS, Handover, Order
from flows.source.files import check_file
from shared.errors import DocumentError
from shared.index.open_index import open_index
from shared.index.port import Index
from shared.models import Chunk
from shared.settings import Settings


def handover_of(settings: Settings) -> Handover:
    """Where the shards of this book are handed over."""
    return Handover((settings.shards_dir or settings.data_dir / "shards") / settings.collection)


async def read_shard(settings: Settings, name: str, order: Order, *, tracker: Tracker) -> bool:
    """Hand over every part of the order that is not there yet; False: it was withdrawn.

    Raises `BookError` when the book is not there, `ServiceError` when something fails for good.
    """
    handover = handover_of(settings)
    with tracker.step("find"):
        source = await open_book(settings, order.revision)
        rules = await asyncio.to_thread(reading_rules, settings, source)
    done = 0
    with tracker.step("read", total=len(order.paths), unit="files") as advance:
        async with (
            aclosing(open_index(settings)) as index,
            open_resources(settings, index) as resources,
            open_readers(rules, processes_for(order.size_bytes)) as readers,
        ):
            for number, paths in enumerate(order.batches):
                if not await asyncio.to_thread(handover.stands, name):
                    return False
                if not await asyncio.to_thread(handover.has, name, number):
                    with TemporaryDirectory() as made:
                        chunks = await _read(paths, rules, readers, Path(made))
                        await _embed(chunks, index, resources.dense, Path(made))
                        await asyncio.to_thread(handover.put, name, number, Path(made))
                done += len(paths)
                advance(done)
    return True


async def _read(paths: Sequence[str], rules: ReadingRules, readers: Readers, made: Path) -> list[Chunk]:
    """The chunks of these pages, which are then in a page cache in `made`; those that may not be read are left out."""
    allowed = await asyncio.to_thread(lambda: [path for path in paths if _may_be_read(rules, path)])
    own = replace(readers, cache=PageCache(made, rules))
    return [chunk for page in await own.read(allowed, lambda _: None) for chunk in page.chunks]


def _may_be_read(rules: ReadingRules, path: str) -> bool:
    try:
        check_file(rules.source, path)
    except DocumentError:
        return False
    return True


async def _embed(chunks: Sequence[Chunk], index: Index, dense: DenseResources | None, made: Path) -> None:
    """The vectors of these chunks into a vector cache in `made`, and what was bought for it."""
    if dense is None or not chunks:
        return
    embedded = await embed_chunks(
        chunks, index=index, cache=dense.cache, model=dense.model, count=dense.count, on_progress=lambda _: None
    )
    vectors = {chunk.content_hash: vector for chunk, vector in zip(chunks, embedded.vectors, strict=True)}

    def write() -> None:
        cache = VectorCache(made / VECTORS, model=dense.model.name, dimensions=dense.model.dimensions)
        cache.store(vectors)
        cache.close()
        (made / BOUGHT).write_text(json.dumps(Bought(embedded.bought, embedded.tokens)._asdict()), encoding="utf-8")

    await asyncio.to_thread(write)

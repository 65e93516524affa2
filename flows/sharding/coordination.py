"""What the run that reads a large book does with its shards: has each read by a run of its own, and takes what they hand over.

1. Pages that are not known are cut into shards; one order each is placed, and one run of `ingest-shard` asked for.
2. Every second Prefect is asked how they are. What a shard that is complete has handed over goes into the caches of this run.
3. A run that failed has been tried again by Prefect. One that died, or was silent for so long that it may have, is noted as
   crashed and put back to be run again: it goes on after the last part that it handed over. Should two run, it does no harm.
4. Shards that were lost again and again, or that no worker takes, are left: the run reads their pages itself.

The caches then hold what they would if this run had read everything, and it plans, prunes and publishes as always, once.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from flows.book import Bought
from flows.embedding.vector_cache import VectorCache
from flows.orchestration.dead_runs import ActiveRun, Api, close_run, find_runs, run_again
from flows.processes.page_cache import PageCache
from flows.sharding.handover import BOUGHT, VECTORS, Handover, Order, shard_of
from flows.sharding.shard import handover_of
from flows.source.files import BookSource
from shared.embedding.model import choose_model
from shared.errors import ServiceError
from shared.ingest_runs import DEAD_AFTER_S, SILENT_AFTER_S
from shared.settings import Settings

LEAST_PAGES = 100
"""In a shard: starting a run takes some 4 s, about what it takes to read and embed these."""
LOST_IN_A_ROW = 3
"""How often a shard may be lost without having handed anything over in between."""
LOOK_EVERY_S = 1.0
UNTAKEN_AFTER_S = 180.0
"""With no run begun for so long, there is no worker that takes shards."""
_LOST_AFTER_S = {"PENDING": DEAD_AFTER_S, "RUNNING": SILENT_AFTER_S, "CANCELLING": SILENT_AFTER_S, "CRASHED": 0.0}
"""Silence in each state after which a run is taken for lost; a process takes its time to start."""

Ask = Callable[[str, int, int], Awaitable[str]]
"""Asks for the run of an order, by its name, its number from 1 and how many there are; the run's id."""


@dataclass
class ShardRun:
    """One shard, and what is known of its run."""

    name: str
    order: Order
    told: tuple[str, datetime] | None = None
    """The run's state and last sign of life, by Prefect's clock."""
    told_at_s: float = field(default_factory=time.monotonic)
    """When these were new, by this machine's."""
    parts: int = 0
    """That were there when it was lost last."""
    losses: int = 0
    """Since there were more."""

    @property
    def silent_s(self) -> float:
        """For how long nothing new was told of it."""
        return time.monotonic() - self.told_at_s

    @property
    def is_untaken(self) -> bool:
        """Whether it has waited for a worker for so long that there may be none."""
        return self.told is not None and self.told[0] == "SCHEDULED" and self.silent_s > UNTAKEN_AFTER_S

    def pages_in(self, handover: Handover) -> int:
        """How many of its pages were handed over. Blocks."""
        return sum(map(len, self.order.batches[: len(handover.parts(self.name))]))

    def hear(self, run: ActiveRun | None) -> None:
        """Note how the run is; None: Prefect was not to be reached, so it could give no sign either."""
        if run is None or self.told != (run.state, run.heard_of):
            self.told_at_s = time.monotonic()
        self.told = run and (run.state, run.heard_of)


@dataclass(frozen=True)
class Coordinator:
    """Has the pages of one book read by other runs; a `flows.book.Share`."""

    settings: Settings
    api: Api
    ask: Ask
    warn: Callable[[str], None]
    anew: bool
    """Pages that a killed run left are not enough."""

    async def __call__(
        self, paths: Sequence[str], source: BookSource, cache: PageCache, advance: Callable[[int], None], *, size_bytes: int
    ) -> Bought:
        """See `flows.book.Share`. Raises `ServiceError` when the folder of shards or the vector cache cannot be used."""
        handover, wanted = handover_of(self.settings), list(paths)
        await asyncio.to_thread(handover.withdraw)  # what a run that was killed had ordered
        left = await asyncio.to_thread(handover.parts)
        bought = await self._take(left, cache)
        if left and not self.anew:
            known = await asyncio.to_thread(cache.find, wanted)
            wanted = [path for path in wanted if path not in known]
        count = min(self.settings.ingest_shards, len(wanted) // LEAST_PAGES)
        if count < 2:
            return bought
        orders = make_orders(wanted, count, size_bytes=size_bytes * len(wanted) // len(paths), revision=source.revision)
        names = await asyncio.to_thread(handover.place, orders)
        try:
            started = [await self.ask(name, n, count) for n, name in enumerate(names, 1)]
            shards = {run_id: ShardRun(name, order) for run_id, name, order in zip(started, names, orders, strict=True)}
            there = len(paths) - len(wanted)
            return _sum(bought, await self._wait(shards, handover, cache, lambda done: advance(there + done)))
        finally:
            await asyncio.to_thread(handover.withdraw)

    async def _wait(
        self, shards: Mapping[str, ShardRun], handover: Handover, cache: PageCache, advance: Callable[[int], None]
    ) -> Bought:
        waiting, done, bought = dict(shards), 0, Bought()
        while waiting:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                runs = {run.id: run for run in await find_runs(self.api, {"flow_runs": {"id": {"any_": [*waiting]}}})}
                over = [
                    run_id for run_id, shard in waiting.items() if not await self._goes_on(shard, runs.get(run_id), handover)
                ]
            except httpx.HTTPError:
                for shard in waiting.values():
                    shard.hear(None)
                continue
            if all(shard.is_untaken for shard in waiting.values()):
                self.warn(f"No worker takes {len(waiting)} shards: this run reads them.")
                over = [*waiting]
            for shard in map(waiting.pop, over):
                bought = _sum(bought, await self._take(await asyncio.to_thread(handover.parts, shard.name), cache))
                done += len(shard.order.paths)
            advance(done + sum([await asyncio.to_thread(shard.pages_in, handover) for shard in waiting.values()]))
        return bought

    async def _goes_on(self, shard: ShardRun, run: ActiveRun | None, handover: Handover) -> bool:
        """Whether there is more to come of it; a run that was lost is begun again. Raises `httpx.HTTPError`."""
        shard.hear(run)
        if run is None or run.state in {"COMPLETED", "FAILED", "CANCELLED"}:
            if run is None or run.state != "COMPLETED":
                self.warn(f"The run of a shard is {run.state.lower() if run else 'gone'}: this run reads what it has not.")
            return False
        lost_after_s = _LOST_AFTER_S.get(run.state)
        if lost_after_s is None or shard.silent_s < lost_after_s:
            return True
        parts = len(await asyncio.to_thread(handover.parts, shard.name))
        shard.losses, shard.parts = (shard.losses + 1 if parts == shard.parts else 1), parts
        if shard.losses > LOST_IN_A_ROW:
            self.warn(f"The run {run.name!r} was lost {LOST_IN_A_ROW} times in a row: this run reads what it has not.")
            return False
        if run.state != "CRASHED":
            await close_run(self.api, run)
        await run_again(self.api, run)
        self.warn(
            f"The run {run.name!r} was lost, with {parts} of {len(shard.order.batches)} parts handed over; it is run again."
        )
        return True

    async def _take(self, parts: Sequence[Path], cache: PageCache) -> Bought:
        bought = [await asyncio.to_thread(take_part, part, cache, self.settings) for part in parts]
        return _sum(*bought)


def make_orders(paths: Sequence[str], shards: int, *, size_bytes: int, revision: str | None) -> list[Order]:
    """The pages in so many orders, each in the given order; none of them is empty."""
    by_shard: dict[int, list[str]] = {}
    for path in paths:
        by_shard.setdefault(shard_of(path, shards), []).append(path)
    return [
        Order(paths=tuple(own), size_bytes=size_bytes * len(own) // len(paths), revision=revision)
        for _, own in sorted(by_shard.items())
    ]


def take_part(part: Path, cache: PageCache, settings: Settings) -> Bought:
    """Put a part into the caches and delete it; what was bought for it. What is damaged in it is left out, to be read again.

    From a copy on this machine: SQLite writes beside what it reads, which is not for a network file system. Blocks. Raises
    `ServiceError` when the vector cache cannot be used.
    """
    bought, model = Bought(), choose_model(settings)
    with TemporaryDirectory() as scratch:
        copied = shutil.copytree(part, Path(scratch, "part"))
        cache.take(copied)
        if model is not None and (copied / VECTORS).exists():
            open_cache = partial(VectorCache, model=model.name, dimensions=model.dimensions)
            vectors: dict[str, array[float]] = {}
            with suppress(ServiceError), closing(open_cache(copied / VECTORS)) as own:
                vectors = own.everything()
            with closing(open_cache(settings.data_dir / VECTORS)) as ours:
                held = ours.held(vectors)
                ours.store({content_hash: vector for content_hash, vector in vectors.items() if content_hash not in held})
        with suppress(OSError, ValueError, TypeError):
            bought = Bought(**json.loads((copied / BOUGHT).read_text(encoding="utf-8")))
    shutil.rmtree(part, ignore_errors=True)
    return bought


def _sum(*bought: Bought) -> Bought:
    return Bought(sum(each.texts for each in bought), sum(each.tokens for each in bought))

"""The order of an ingest's steps: find, read, plan, embed, apply, report.

`flows/ingest.py` runs it as a Prefect flow, each `run(...)` a task; `flows/cli.py` runs it directly. Killed at any instant it
leaves the live build as it was, and run again it ends in the same index: the vectors bought so far are in the cache.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.book import Book, read_book
from flows.embedding.embed import Embedded, embed_chunks
from flows.embedding.resources import DenseResources, IngestResources, open_resources
from flows.plan import Plan, check_vanished, make_plan
from flows.progress import OnProgress, Tracker, ignore_progress
from flows.steps import Runner, run_directly
from shared.index.open_index import fingerprint
from shared.models import Build, Chunk, Report
from shared.pricing import price_usd
from shared.settings import Settings

NOTHING_EMBEDDED = Embedded((), 0, 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ingest did, and to which files."""

    report: Report
    plan: Plan
    chunks: Sequence[Chunk]
    """Of the book as it is now."""


@dataclass(frozen=True, slots=True)
class Making:
    """One run of the steps: what they share."""

    workshop: IngestResources
    run: Runner
    tracker: Tracker


async def plan_ingest(settings: Settings, *, on_progress: OnProgress = ignore_progress) -> tuple[Book, Plan]:
    """What an ingest would do now; nothing is embedded or written to the index. Raises as `ingest` does."""
    tracker = Tracker(on_progress)
    book = await read_book(settings, run=run_directly, tracker=tracker)
    async with open_resources(settings) as workshop:
        plan = await _make_plan(book, await workshop.index.live(), Making(workshop, run_directly, tracker))
        return book, plan


async def ingest(
    settings: Settings, *, full: bool = False, run: Runner = run_directly, on_progress: OnProgress = ignore_progress
) -> Outcome:
    """Bring the index up to date with the book at `settings.book_source`.

    `full`: write a new build even when nothing changed, and even when most of the book is gone. A page that cannot be read is a
    problem in the report. Raises `BookError` when the book as a whole cannot be read, `ServiceError` when something it depends
    on fails for good, `ConfigurationError` when settings do not fit; the live build is then as it was.
    """
    started = time.monotonic()
    tracker = Tracker(on_progress)
    book = await read_book(settings, run=run, tracker=tracker)
    async with open_resources(settings) as workshop:
        making = Making(workshop, run, tracker)
        live = await workshop.index.live()
        plan = await _make_plan(book, live, making, may_vanish=full)
        embedded, build = NOTHING_EMBEDDED, live
        if full or live is None or (live.digest, live.fingerprint) != (plan.digest, fingerprint(settings)):
            embedded = await _embed(book.chunks, making)
            build = await _apply(book, plan, embedded, making)
        else:
            tracker.skip("embed", "apply")
    with tracker.step("report"):
        report = _report(book, plan, embedded, build, settings, new_build=build is not live, started=started)
    return Outcome(report, plan, book.chunks)


async def _make_plan(book: Book, live: Build | None, making: Making, *, may_vanish: bool = True) -> Plan:
    index, dense = making.workshop.index, making.workshop.dense

    async def compare() -> Plan:
        records = await index.records()
        if not may_vanish:
            check_vanished(book.chunks, records)
        held = await dense.held(book.chunks, live, records) if dense else None
        return await asyncio.to_thread(_compare, book.chunks, records, held, dense)

    with making.tracker.step("plan", unit="chunks") as advance:
        plan = await making.run("plan", f"compare {len(book.chunks)} chunks with the live build", compare)
        advance(len(book.chunks))
    return plan


def _compare(chunks: Sequence[Chunk], records: dict[str, Chunk], held: set[str] | None, dense: DenseResources | None) -> Plan:
    if dense is None:
        return make_plan(chunks, records)
    return make_plan(chunks, records, held=held, count=dense.count, model=dense.model.name)


async def _embed(chunks: Sequence[Chunk], making: Making) -> Embedded | None:
    """The vectors; None where the book is searched by words only."""
    index, dense = making.workshop.index, making.workshop.dense
    if dense is None:
        making.tracker.skip("embed")
        return None
    total = len({chunk.content_hash for chunk in chunks})
    with making.tracker.step("embed", total=total, unit="texts") as advance:
        return await making.run(
            "embed",
            f"vectors of {total} texts",
            lambda: embed_chunks(
                chunks, index=index, cache=dense.cache, model=dense.model, count=dense.count, on_progress=advance
            ),
        )


async def _apply(book: Book, plan: Plan, embedded: Embedded | None, making: Making) -> Build:
    build = _new_build(book, plan, making.workshop)
    vectors = embedded.vectors if embedded else None
    with making.tracker.step("apply", total=len(book.chunks), unit="chunks"):
        publish = making.workshop.index.publish
        await making.run("apply", f"write build {build.id}", lambda: publish(build, book.chunks, vectors))
    return build


def _new_build(book: Book, plan: Plan, workshop: IngestResources) -> Build:
    now = datetime.now(UTC)
    dense = workshop.dense
    return Build(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        created_at=now,
        fingerprint=fingerprint(workshop.settings),
        embedding_model=dense.model.name if dense else None,
        dimensions=dense.model.dimensions if dense else None,
        digest=plan.digest,
        documents=len({chunk.path for chunk in book.chunks}),
        chunks=len(book.chunks),
        source=book.source.name,
    )


def _report(
    book: Book,
    plan: Plan,
    embedded: Embedded | None,
    build: Build | None,
    settings: Settings,
    *,
    new_build: bool,
    started: float,
) -> Report:
    bought = embedded or NOTHING_EMBEDDED
    return Report(
        source=book.source.name,
        files=plan.files,
        chunks=plan.chunks,
        embedded=bought.bought,
        tokens=bought.tokens,
        cost_usd=price_usd(settings.embedding_model, bought.tokens) if bought.tokens else 0.0,
        embedding_model=settings.embedding_model if settings.embedding_key else None,
        build_id=build.id if build else None,
        new_build=new_build,
        problems=book.problems,
        seconds=round(time.monotonic() - started, 3),
    )

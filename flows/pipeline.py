"""The order of an ingest's steps: find, read, plan, embed, apply, report.

Each step is a plain function. `flows/cli.py` runs them as they are; `flows/ingest.py` gives a Prefect task in place of each.
Killed at any instant an ingest leaves the live build as it was, and run again it ends in the same index: the vectors bought so
far are in the cache.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flows.book import Book, Bought, Find, Read, Share, find_book, read_batch, read_book, with_every_chunk
from flows.embedding.embed import Embedded, embed_chunks
from flows.embedding.resources import DenseResources, IngestResources, open_resources
from flows.page_edit import read_edited_book
from flows.plan import Plan, check_vanished, make_plan
from flows.progress import OnProgress, Tracker, ignore_progress
from shared.embedding.model import choose_model
from shared.errors import BookError, ServiceError
from shared.index.open_index import fingerprint, open_index
from shared.index.port import Base, Index
from shared.ingest_runs import PageEdit
from shared.models import Build, Chunk, Report
from shared.pricing import price_usd
from shared.settings import Settings

MOST_REVISED = 0.05
"""Share of the live chunks that may go and come for the live build to be revised; with more a whole one is written. Until the
next ingest a server counts chunks that went too when it weighs how rare a word is."""
MOST_TEXTS_AWAITED = 64
"""Texts readers of a new book wait for until they have their vectors; with more, the book is searched by words meanwhile."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ingest did, and to which files."""

    report: Report
    plan: Plan
    chunks: Sequence[Chunk]
    """Of the pages that were read."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What the steps before the report ended in."""

    book: Book
    plan: Plan
    embedded: Embedded | None
    """None when nothing was embedded."""
    build: Build
    """The live one."""
    new_build: bool
    seconds: float


async def plan_changes(book: Book, live: Build | None, resources: IngestResources, *, may_vanish: bool) -> Plan:
    """The book as it is against the live build. Raises `BookError` when most of it is gone, unless it `may_vanish`."""
    records = await (resources.index.records() if book.base is None else _replaced(book, resources.index))
    if not may_vanish and book.base is None:  # else little has changed
        check_vanished(book.chunks, records)
    compare = partial(make_plan, kept=book.kept)
    if (dense := resources.dense) is not None:
        held = await dense.held(book.chunks, live, records, resources.index)
        compare = partial(compare, held=held, count=dense.count, model=dense.model.name)
    return await asyncio.to_thread(compare, book.chunks, records)


async def _replaced(book: Book, index: Index) -> dict[str, Chunk]:
    """What is live of the pages that are not as they were."""
    async with index.snapshot() as snapshot:
        pages = await asyncio.gather(*map(snapshot.page, sorted(book.replaced)))
    return {chunk.id: chunk for page in pages for chunk in page}


async def embed_book(book: Book, index: Index, dense: DenseResources, advance: Callable[[int], None]) -> Embedded:
    """A vector for every chunk; `advance` is told how many of its texts have one."""
    return await embed_chunks(
        book.chunks, index=index, cache=dense.cache, model=dense.model, count=dense.count, on_progress=advance
    )


async def publish_build(build: Build, book: Book, embedded: Embedded | None, index: Index) -> None:
    """Write the book as a new build and make it live, or what changed of it; without vectors where it is searched by words."""
    vectors = embedded.vectors if embedded else None
    if book.base is None:
        await index.publish(build, book.chunks, vectors)
    else:
        pages = book.replaced | {chunk.path for chunk in book.chunks}
        await index.revise(build, book.chunks, vectors, base=book.base.build, pages=pages)


async def make_report(ingested: Ingested, settings: Settings) -> Outcome:
    """What was done and what it cost."""
    book, plan, embedded = ingested.book, ingested.plan, ingested.embedded
    here = Bought(embedded.bought, embedded.tokens) if embedded else Bought()
    texts, tokens = book.bought.texts + here.texts, book.bought.tokens + here.tokens
    model = choose_model(settings)
    report = Report(
        source=book.source.name,
        files=plan.files,
        chunks=plan.chunks,
        embedded=texts,
        tokens=tokens,
        cost_usd=price_usd(model.name, tokens) if tokens and model else 0.0,
        embedding_model=model.name if model else None,
        build_id=ingested.build.id,
        new_build=ingested.new_build,
        kept_by_next_ingest=book.kept_by_next_ingest,
        problems=book.problems,
        notes=book.notes,
        seconds=round(ingested.seconds, 3),
    )
    return Outcome(report, plan, book.chunks)


@dataclass(frozen=True, slots=True)
class Steps:
    """What runs each step."""

    find: Find = find_book
    read: Read = read_batch
    share: Share | None = None
    plan: Callable[..., Awaitable[Plan]] = plan_changes
    embed: Callable[[Book, Index, DenseResources, Callable[[int], None]], Awaitable[Embedded]] = embed_book
    apply: Callable[[Build, Book, Embedded | None, Index], Awaitable[None]] = publish_build
    report: Callable[[Ingested, Settings], Awaitable[Outcome]] = make_report


PLAIN_STEPS = Steps()


async def plan_ingest(settings: Settings, *, on_progress: OnProgress = ignore_progress) -> tuple[Book, Plan]:
    """What an ingest would do now; nothing is embedded or written to the index. Raises as `ingest` does."""
    tracker = Tracker(on_progress)
    book = await read_book(settings, tracker=tracker)
    async with aclosing(open_index(settings)) as index, open_resources(settings, index) as resources:
        with tracker.step("plan", unit="chunks") as advance:
            plan = await plan_changes(book, await index.live(), resources, may_vanish=True)
            advance(book.chunk_count)
        return book, plan


async def ingest(
    settings: Settings,
    *,
    full: bool = False,
    edit: PageEdit | None = None,
    steps: Steps = PLAIN_STEPS,
    on_progress: OnProgress = ignore_progress,
) -> Outcome:
    """Bring the index up to date with the book at `settings.book_source`, or with an edit of one page.

    `full`: write a new build even when nothing changed, and even when most of the book is gone. A page that cannot be read is a
    problem in the report; where it is the edited one, a `BookError`. Raises `BookError` too when the book as a whole cannot be
    read, `ServiceError` when something it depends on fails for good, `ConfigurationError` when settings do not fit; the live
    build is then as it was, or of words only where there was none.
    """
    started = time.monotonic()
    tracker = Tracker(on_progress)
    async with AsyncExitStack() as stack:
        index = await stack.enter_async_context(aclosing(open_index(settings)))
        if edit is None:
            base = None if full else await find_base(index, settings)
            book = await read_book(
                settings, tracker=tracker, find=steps.find, read=steps.read, share=steps.share, anew=full, base=base
            )
        else:
            book = await read_edited_book(settings, edit, index, tracker=tracker, find=steps.find)
        await index.prepare()
        live = await index.live()
        if book.base is not None and (live is None or live.id != book.base.build.id):
            what = "the book was read; ingest" if edit is None else "the page was read; edit it"
            raise BookError(f"Another build went live while {what} again.")
        if book.base is not None and _differs_much(book, book.base):
            book = await with_every_chunk(book, index)
        resources = await stack.enter_async_context(open_resources(settings, index))
        with tracker.step("plan", unit="chunks") as advance:
            plan = await steps.plan(book, live, resources, may_vanish=full or edit is not None)
            advance(book.chunk_count)
        differs = plan.chunks.added + plan.chunks.changed + plan.chunks.removed > 0  # also where the live build lost some
        is_new = full or live is None or differs or (live.digest, live.fingerprint) != (plan.digest, fingerprint(settings))
        build = _new_build(book, plan, resources) if live is None or is_new else live
        embedded = None
        if live is None and len(plan.to_embed) > MOST_TEXTS_AWAITED:
            with tracker.step("apply", total=book.chunk_count, unit="chunks"):
                await steps.apply(_words_of(_new_build(book, plan, resources)), book, None, index)
        if is_new and resources.dense is not None:
            with tracker.step("embed", total=book.text_count, unit="texts") as advance:
                embedded = await steps.embed(book, index, resources.dense, advance)
        else:
            tracker.skip("embed")
        if is_new:
            with tracker.step("apply", total=book.chunk_count, unit="chunks"):
                await steps.apply(build, book, embedded, index)
        else:
            tracker.skip("apply")
    with tracker.step("report"):
        return await steps.report(Ingested(book, plan, embedded, build, is_new, time.monotonic() - started), settings)


async def find_base(index: Index, settings: Settings) -> Base | None:
    """The live build, if what is read now can be put into it; what is wrong with it otherwise, the later steps tell."""
    try:
        live = await index.live()
        if live is None or live.fingerprint != fingerprint(settings):
            return None
        pages = await index.pages()
    except ServiceError:
        return None
    return Base(live, pages) if pages else None


def _differs_much(book: Book, base: Base) -> bool:
    replaced = sum(base.pages[path].chunks for path in book.replaced)
    return replaced + len(book.chunks) > MOST_REVISED * base.build.chunks


def _words_of(build: Build) -> Build:
    """A build of the same book without vectors, which no ingest takes for the one it is to make."""
    return build.model_copy(update={"embedding_model": None, "dimensions": None, "fingerprint": "words first"})


def _new_build(book: Book, plan: Plan, resources: IngestResources) -> Build:
    now = datetime.now(UTC)
    dense = resources.dense
    return Build(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        created_at=now,
        fingerprint=fingerprint(resources.settings),
        embedding_model=dense.model.name if dense else None,
        dimensions=dense.model.dimensions if dense else None,
        digest=plan.digest,
        documents=book.documents,
        chunks=book.chunk_count,
        source=book.source.name,
    )

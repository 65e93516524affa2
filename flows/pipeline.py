"""The order of an ingest's steps: find, read, plan, embed, apply, report.

`flows/ingest.py` runs it as a Prefect flow, each `run(...)` a task; `flows/cli.py` runs it directly. Killed at any instant it
leaves the live build as it was, and run again it ends in the same index: the vectors bought so far are in the cache.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.book import Book, read_book
from flows.embed import Embedded, embed_chunks
from flows.plan import Plan, check_vanished, make_plan
from flows.progress import OnProgress, Tracker, ignore_progress
from flows.steps import Runner, run_directly
from flows.workshop import Workshop, open_workshop
from shared.index.store import fingerprint
from shared.models import Build, Chunk, Report
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ingest did, and in full to which files."""

    report: Report
    plan: Plan


async def plan_ingest(settings: Settings, *, on_progress: OnProgress = ignore_progress) -> tuple[Book, Plan]:
    """What an ingest would do now; nothing is embedded or written. Raises as `ingest` does."""
    tracker = Tracker(on_progress)
    book = await read_book(settings, run=run_directly, tracker=tracker)
    async with open_workshop(settings) as workshop:
        return book, await _plan(book, workshop, tracker, run_directly, full=True)


async def ingest(
    settings: Settings,
    *,
    full: bool = False,
    run: Runner = run_directly,
    on_progress: OnProgress = ignore_progress,
) -> Outcome:
    """Bring the index up to date with the book at `settings.book_source`.

    `full`: write a new build even when nothing changed, and even when most of the book is gone. A page that cannot be read is a
    problem in the report. Raises `BookError` when the book as a whole cannot be read, `ServiceError` when something it depends
    on fails for good, `ConfigurationError` when settings do not fit; the live build is then as it was.
    """
    started = time.monotonic()
    tracker = Tracker(on_progress)
    book = await read_book(settings, run=run, tracker=tracker)
    async with open_workshop(settings) as workshop:
        plan = await _plan(book, workshop, tracker, run, full=full)
        live = await workshop.index.live()
        build, embedded = live, Embedded((), 0, 0)
        changed = full or live is None or (live.digest, live.fingerprint) != (plan.digest, fingerprint(settings))
        if changed:
            embedded = await _embed(book, plan, workshop, tracker, run)
            build = await _apply(book, plan, embedded, workshop, tracker, run)
    with tracker.step("report"):
        report = _report(book, plan, embedded, build, settings, new_build=changed, seconds=time.monotonic() - started)
    return Outcome(report, plan)

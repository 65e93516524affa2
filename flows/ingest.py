"""The Prefect flow `ingest-book`: the steps of `flows/pipeline.py`, each a task, watched through artifacts.

What the run publishes, and in which shape, is said in `shared/ingest_runs.py`. Tasks are as large as a batch of files: a
Prefect task costs 5-30 ms. None is cached (a cached write is data never written), none has its result stored (it may be the
whole book), and none is retried by Prefect: what can be tried again (git, the embeddings API, Qdrant) is, where it is called,
with a line in the run's log each time (`shared/retry.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed
from prefect.utilities.annotations import opaque

from flows import book as reading
from flows import pipeline
from flows.book import Batch, Book
from flows.embedding.embed import Embedded
from flows.embedding.resources import DenseResources, IngestResources
from flows.orchestration.artifacts import open_artifacts
from flows.orchestration.one_at_a_time import find_running_ingest
from flows.pipeline import Ingested, Outcome, Steps
from flows.plan import Plan
from flows.processes.pool import Readers
from flows.reading.page import Page
from flows.report import changes_table, describe_problem, describe_report, describe_skipped, join_reports, summary_markdown
from flows.sharding.coordination import Coordinator
from flows.sharding.flow import ask_for_shard
from flows.source.files import BookSource, Listing
from shared import tracing
from shared.books import each_book, settings_of_book
from shared.errors import LecternError
from shared.index.port import Index
from shared.ingest_runs import CHANGES_KEY, FLOW, SUMMARY_KEY, PageEdit
from shared.models import Build, Problem, Report
from shared.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

step = partial(task, cache_policy=NO_CACHE, persist_result=False)


@step(name="find", task_run_name="find the book's files")
async def find_task(settings: Settings) -> tuple[BookSource, Listing]:
    """See `flows.book.find_book`."""
    source, listing = await reading.find_book(settings)
    _warn(listing.problems)
    return source, listing


@step(name="read", task_run_name="read {batch}")
async def read_task(batch: Batch, readers: Readers, advance: Callable[[int], None]) -> Sequence[Page]:
    """See `flows.book.read_batch`."""
    pages = await reading.read_batch(batch, readers, advance)
    _warn(problem for page in pages for problem in page.problems)
    return pages


@step(name="plan", task_run_name="compare {book.chunk_count} chunks with the live build")
async def plan_task(book: Book, live: Build | None, resources: IngestResources, *, may_vanish: bool) -> Plan:
    """See `flows.pipeline.plan_changes`; what is going to be done is published for people."""
    planned = await pipeline.plan_changes(book, live, resources, may_vanish=may_vanish)
    await acreate_table_artifact(changes_table(planned.changes), CHANGES_KEY, "Files that changed")
    return planned


@step(name="embed", task_run_name="vectors of {book.text_count} texts")
async def embed_task(book: Book, index: Index, dense: DenseResources, advance: Callable[[int], None]) -> Embedded:
    """See `flows.pipeline.embed_book`."""
    return await pipeline.embed_book(book, index, dense, advance)


@step(name="apply", task_run_name="write build {build.id}")
async def apply_task(build: Build, book: Book, embedded: Embedded | None, index: Index) -> None:
    """See `flows.pipeline.publish_build`."""
    await pipeline.publish_build(build, book, embedded, index)


@step(name="report", task_run_name="say what was done")
async def report_task(ingested: Ingested, settings: Settings) -> Outcome:
    """See `flows.pipeline.make_report`; published for people here, for programs at the end of the run."""
    outcome = await pipeline.make_report(ingested, settings)
    summary = summary_markdown(outcome.report, outcome.plan.changes, outcome.chunks)
    await acreate_markdown_artifact(summary, SUMMARY_KEY, "What the run did")
    return outcome


def untraversed(run: Callable[P, Awaitable[T]], task: Any) -> Callable[P, Awaitable[T]]:
    """The task of `run`, without Prefect's search for futures in what it is given: 0.2 s a task with a book of 961 chunks."""
    del run  # for its signature, which Prefect's overloads lose

    async def call(*given: Any, **named: Any) -> T:
        return await task(*map(opaque, given), **{name: opaque(each) for name, each in named.items()})

    return call


TASKS = Steps(
    find=untraversed(reading.find_book, find_task),
    read=untraversed(reading.read_batch, read_task),
    plan=untraversed(pipeline.plan_changes, plan_task),
    embed=untraversed(pipeline.embed_book, embed_task),
    apply=untraversed(pipeline.publish_build, apply_task),
    report=untraversed(pipeline.make_report, report_task),
)


@flow(name=FLOW, validate_parameters=True)
async def ingest_book(full: bool = False, edit: PageEdit | None = None) -> State[Any]:
    """Bring the index up to date with the book at BOOK_SOURCE, or with each of BOOKS.

    `full`: even if nothing changed or most of it is gone. `edit`: only this page, and the others as they are live.

    The book is the worker's setting and no parameter: whoever may start an ingest may not have any folder read.
    """
    settings, run_id = Settings(), UUID(flow_run.get_id())
    end_traces = tracing.begin(settings, "lectern-ingest")
    try:
        with tracing.span("ingest", {"prefect.flow_run.id": str(run_id)}):
            return await _ingest(settings, run_id, full=full, edit=edit)
    finally:
        await asyncio.to_thread(end_traces)


async def _ingest(settings: Settings, run_id: UUID, *, full: bool, edit: PageEdit | None) -> State[Any]:
    async with get_client() as client, open_artifacts(client, run_id) as artifacts:
        if other := await find_running_ingest(client, str(run_id)):
            return Cancelled(message=f"The run {other.name!r} is reading this book already; this one did nothing.")
        books = {edit.book: settings_of_book(settings, edit.book)} if edit else each_book(settings)  # unchanged cost little
        ingest = partial(pipeline.ingest, full=full, edit=edit, on_progress=artifacts.on_progress)
        reports: list[Report] = []
        failed: list[LecternError] = []
        for name, own in books.items():
            try:
                reports.append((await ingest(own, steps=_steps(own, name, client, anew=full))).report)
            except LecternError as exc:  # the other books are not the worse for it
                get_run_logger().error(f"{name}: {exc}" if name else str(exc))
                failed.append(exc)
        if reports:
            await artifacts.publish_report(join_reports(reports))
        if failed:
            raise failed[0]
    report = join_reports(reports)
    summary = "; ".join((*describe_report(report), *describe_skipped(report.problems)))
    get_run_logger().info(summary)
    return Completed(message=summary)


def _steps(settings: Settings, book: str, client: PrefectClient, *, anew: bool) -> Steps:
    if settings.ingest_shards == 1:
        return TASKS
    ask = partial(ask_for_shard, client, book)
    return replace(TASKS, share=Coordinator(settings, client, ask, get_run_logger().warning, anew))


def _warn(problems: Iterable[Problem]) -> None:
    """What the book's author should know, in the log of the task."""
    for problem in problems:
        get_run_logger().warning(describe_problem(problem))

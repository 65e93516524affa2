"""The Prefect flow `ingest-book`: the steps of `flows/pipeline.py`, each a task, watched through artifacts.

What the run publishes, and in which shape, is said in `shared/ingest_runs.py`. Tasks are as large as a batch of files: a
Prefect task costs 5-30 ms. None is cached (a cached write is data never written) and none is retried by Prefect: what can be
tried again (git, the embeddings API, Qdrant) is, where it is called (`shared/retry.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed

from flows.orchestration.artifacts import RunArtifacts, open_artifacts
from flows.orchestration.one_at_a_time import find_running_ingest
from flows.pipeline import ingest
from flows.plan import Plan
from flows.report import describe_report, describe_skipped
from flows.steps import Runner, no_remarks
from shared.ingest_runs import FLOW
from shared.models import StepName
from shared.settings import Settings

T = TypeVar("T")


@flow(name=FLOW, validate_parameters=True)
async def ingest_book(full: bool = False) -> State[Any]:
    """Bring the index up to date with the book at BOOK_SOURCE; `full`: even if nothing changed or most of it is gone.

    The book is the worker's setting and no parameter: whoever may start an ingest may not have any folder read.
    """
    logger = get_run_logger()
    run_id = UUID(flow_run.get_id())
    async with get_client() as client, open_artifacts(run_id) as publication:
        if other := await find_running_ingest(client, str(run_id)):
            return Cancelled(message=f"The run {other.name!r} is reading this book already; this one did nothing.")
        outcome = await ingest(Settings(), full=full, run=_publishing(publication), on_progress=publication.on_progress)
        await publication.publish_outcome(outcome)
    report = outcome.report
    summary = "; ".join((*describe_report(report), *describe_skipped(report.problems)))
    logger.info(summary)
    return Completed(message=summary)


def _publishing(publication: RunArtifacts) -> Runner:
    """Runs each piece as a task, and publishes the plan once there is one."""

    async def run(
        step: StepName, label: str, work: Callable[[], Awaitable[T]], /, remarks: Callable[[T], Iterable[str]] = no_remarks
    ) -> T:
        result = await run_as_task(step, label, work, remarks)
        if isinstance(result, Plan):
            await publication.publish_plan(result)
        return result

    return run


async def run_as_task(
    step: StepName, label: str, work: Callable[[], Awaitable[T]], /, remarks: Callable[[T], Iterable[str]] = no_remarks
) -> T:
    """Run one piece of a step as a task of that name, with the remarks in its log."""

    @task(name=step, task_run_name=label, cache_policy=NO_CACHE)
    async def piece() -> T:
        logger = get_run_logger()
        logger.info(label)
        result = await work()
        for remark in remarks(result):
            logger.warning(remark)
        return result

    return await piece()

"""The Prefect flow `ingest-shard`: some pages of a large book, read and embedded for the run that asked for it.

A run that fails is tried once more by Prefect, for what it depends on is tried again where it is called; one whose process died
is put back by whoever waits for it (`coordination.py`).
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.deployments import arun_deployment
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed

from flows.orchestration.artifacts import open_artifacts
from flows.progress import Tracker
from flows.sharding.shard import handover_of, read_shard
from shared import tracing
from shared.books import settings_of_book
from shared.ingest_runs import SHARD_DEPLOYMENT, SHARD_FLOW
from shared.settings import Settings


@flow(name=SHARD_FLOW, validate_parameters=True, retries=1, retry_delay_seconds=10)
async def ingest_shard(order: str, book: str = "") -> State[Any]:
    """Read the pages of an order, by its name in the folder of shards; `book`: which one of BOOKS."""
    settings, run_id = Settings(), UUID(flow_run.get_id())
    own = settings_of_book(settings, book)
    wanted = await asyncio.to_thread(handover_of(own).order, order)
    if wanted is None:
        return Cancelled(message="Nobody waits for these pages any more.")
    end_traces = tracing.begin(settings, "lectern-ingest")
    try:
        with tracing.span("ingest shard", {"prefect.flow_run.id": str(run_id), "lectern.files": len(wanted.paths)}):
            async with get_client() as client, open_artifacts(client, run_id) as artifacts:
                complete = await read_shard(own, order, wanted, tracker=Tracker(artifacts.on_progress))
    finally:
        await asyncio.to_thread(end_traces)
    if not complete:
        return Cancelled(message="Nobody waits for these pages any more.")
    return Completed(message=f"{len(wanted.paths)} pages in {len(wanted.batches)} parts")


async def ask_for_shard(client: PrefectClient, book: str, order: str, number: int, count: int) -> str:
    """Ask for the run of an order; its id. Called in the flow run that waits for it."""
    run = await arun_deployment(
        SHARD_DEPLOYMENT,
        client=client,
        parameters={"order": order, "book": book},
        flow_run_name=f"{flow_run.get_name()}-{number}-of-{count}",
        timeout=0,
        idempotency_key=order,
    )
    return str(run.id)

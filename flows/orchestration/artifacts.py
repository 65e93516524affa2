"""What a run publishes in Prefect while it runs and at its end; keys and shapes are those of `shared/ingest_runs.py`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate

from flows.pipeline import Outcome
from flows.plan import Plan
from flows.report import changes_table, summary_markdown
from shared.ingest_runs import CHANGES_KEY, HEARTBEAT_S, PROGRESS_KEY, REPORT_KEY, SUMMARY_KEY, encode_progress
from shared.models import Progress

PAUSE_S = 0.3
"""Between two writes, however much happens."""


class RunArtifacts:
    """The artifacts of one flow run."""

    def __init__(self, client: PrefectClient, flow_run_id: UUID) -> None:
        self._client = client
        self._flow_run_id = flow_run_id
        self._latest = Progress(steps=())
        self._changed = asyncio.Event()
        self._artifact: UUID | None = None

    def on_progress(self, progress: Progress) -> None:
        """Have this progress published soon."""
        self._latest = progress
        self._changed.set()

    async def publish_plan(self, plan: Plan) -> None:
        """What is going to be done, for people."""
        await self._create(CHANGES_KEY, "table", json.dumps(changes_table(plan.changes)), "Files that changed")

    async def publish_outcome(self, outcome: Outcome) -> None:
        """The report, for programs and for people."""
        report, changes = outcome.report, outcome.plan.changes
        await self._create(SUMMARY_KEY, "markdown", summary_markdown(report, changes, outcome.chunks), "What the run did")
        await self._create(REPORT_KEY, "json", report.model_dump(mode="json"), "The report, for programs")

    async def keep_publishing(self) -> None:
        """Write the latest progress as it changes, and every `HEARTBEAT_S` seconds even if it does not: a sign of life."""
        while True:
            with suppress(httpx.HTTPError):  # Prefect is being restarted: the next write tells
                await self.publish_progress()
            await asyncio.sleep(PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), HEARTBEAT_S)

    async def publish_progress(self) -> None:
        """Write the latest progress now."""
        self._changed.clear()
        data = encode_progress(self._latest)
        if self._artifact is None:
            self._artifact = await self._create(PROGRESS_KEY, "table", data, "How far the ingest is")
        else:
            await self._client.update_artifact(self._artifact, ArtifactUpdate(data=data))

    async def _create(self, key: str, kind: str, data: Any, description: str) -> UUID:
        wanted = ArtifactCreate(key=key, type=kind, data=data, description=description, flow_run_id=self._flow_run_id)
        return (await self._client.create_artifact(wanted)).id


@asynccontextmanager
async def open_artifacts(flow_run_id: UUID) -> AsyncGenerator[RunArtifacts]:
    """A publication whose progress is kept up to date until the context ends, and written once more then."""
    async with get_client() as client:
        publication = RunArtifacts(client, flow_run_id)
        writing = asyncio.create_task(publication.keep_publishing())
        try:
            yield publication
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            with suppress(httpx.HTTPError):  # the run's own state tells as well
                await publication.publish_progress()

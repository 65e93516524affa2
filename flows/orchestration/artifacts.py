"""What a run publishes in Prefect for programs; keys and shapes are those of `shared/ingest_runs.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate

from shared.ingest_runs import HEARTBEAT_S, PROGRESS_KEY, REPORT_KEY, encode_progress
from shared.models import Progress, Report

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

    async def publish_report(self, report: Report) -> None:
        """The report, for programs."""
        await self._create(REPORT_KEY, "json", report.model_dump(mode="json"), "The report, for programs")

    async def keep_publishing(self) -> None:
        """Write the latest progress as it changes, and every `HEARTBEAT_S` seconds even if it does not: a sign of life."""
        while True:
            with suppress(httpx.HTTPError):  # Prefect is being restarted: the next write tells
                await self.publish_progress()
            await asyncio.sleep(PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._changed.wait()

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
async def open_artifacts(client: PrefectClient, flow_run_id: UUID) -> AsyncGenerator[RunArtifacts]:
    """Artifacts whose progress is kept up to date until the context ends, and written once more then."""
    artifacts = RunArtifacts(client, flow_run_id)
    writing = asyncio.create_task(artifacts.keep_publishing())
    try:
        yield artifacts
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        with suppress(httpx.HTTPError):  # the run's own state tells as well
            await artifacts.publish_progress()

"""Starting and watching ingests, which run in Prefect and never here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from quart import Blueprint, Response, request

from server.http.auth import require_admin
from server.http.bodies import json_response, read_body
from server.http.openapi import documents
from server.http.requests import read_ingest
from server.http.schemas import IngestBody, IngestRun, IngestStarted, IngestStatus
from server.prefect_api import Findings, FlowRun
from server.services import Services
from server.status.probes import live_build
from shared.errors import RequestError, ServiceError
from shared.ingest_runs import is_dead, is_silent


def blueprint(services: Services) -> Blueprint:
    """The ingest routes."""
    routes = IngestRoutes(services)
    ingest = Blueprint("ingest", __name__)
    ingest.add_url_rule("/ingest", "start", routes.start, methods=["POST"])
    ingest.add_url_rule("/ingest/status", "status", routes.status, methods=["GET"])
    ingest.add_url_rule("/ingest/<uuid:run_id>", "run", routes.run, methods=["GET"])
    ingest.add_url_rule("/ingest/<uuid:run_id>", "cancel", routes.cancel, methods=["DELETE"])
    return ingest


@dataclass(frozen=True, slots=True)
class IngestRoutes:
    """Handlers of ingests."""

    services: Services

    @documents("ingest", body=IngestBody, answer=IngestStarted, status=202, admin=True)
    async def start(self) -> Response:
        """Read the book again. While a run with the same wish is on its way, its id is given instead of a new one."""
        require_admin(request, self.services.settings)
        if not self.services.settings.reads_book:
            message = "This Lectern reads no book itself (BOOK_SOURCE=none): its index is filled from elsewhere."
            raise RequestError("book_read_elsewhere", message, status=409)
        full = read_ingest(await read_body(request))
        async with self.services.ingest_lock:
            run = await self._start_or_join(full=full)
        return _accepted(run)

    @documents("ingest", answer=IngestStatus)
    async def status(self) -> Response:
        """The latest run, and the build that is live; known without Prefect too."""
        build = await live_build(self.services.health.build)
        try:
            latest = await self.services.prefect.latest()
            run = await self._describe(latest) if latest else None
        except ServiceError:
            return json_response(IngestStatus(run=None, build=build, prefect_connected=False), Cache_Control="no-store")
        return json_response(IngestStatus(run=run, build=build, prefect_connected=True), Cache_Control="no-store")

    @documents("ingest", answer=IngestRun)
    async def run(self, run_id: UUID) -> Response:
        """How far a run is, and what it did."""
        return json_response(await self._describe(await self._find(str(run_id))), Cache_Control="no-store")

    @documents("ingest", answer=IngestStarted, status=202, admin=True)
    async def cancel(self, run_id: UUID) -> Response:
        """Stop a run; the live build stays as it is."""
        require_admin(request, self.services.settings)
        run = await self._find(str(run_id))
        if not run.is_active:
            raise RequestError("run_over", f"That run is over: {run.state}.", status=409)
        await self.services.prefect.cancel(run)
        return _accepted(run)

    async def _start_or_join(self, *, full: bool) -> FlowRun:
        """The run on its way, or a new one.

        The key under which a new one is created hangs on the run before it: of two replicas asked at the same instant both
        name the same key, and Prefect makes one run.
        """
        prefect = self.services.prefect
        recent = await prefect.recent()
        for run in reversed(recent):
            if run.is_active and await self._can_be_joined(run):
                if run.full != full:
                    message = f"Another ingest is running (/ingest/{run.id}); wait for it or cancel it."
                    raise RequestError("ingest_running", message, status=409, retry_after_s=10.0)
                return run
        before = recent[0].id if recent else "none"
        return await prefect.start(full=full, idempotency_key=f"after-{before}-{'full' if full else 'changes'}")

    async def _can_be_joined(self, run: FlowRun) -> bool:
        """Whether a caller may wait for that run; one killed outright stays `running` in Prefect for ever.

        One that is silent may have died. The caller gets a run of its own then, which waits until that is certain
        (flows/orchestration/one_at_a_time.py).
        """
        if not run.has_process:
            return True
        last_sign = max((await self.services.prefect.findings(run.id)).last_sign or run.since, run.since)
        now = datetime.now(UTC)
        if is_dead(last_sign, now):
            await self.services.prefect.mark_dead(run)
            return False
        return run.state != "running" or not is_silent(last_sign, now)

    async def _find(self, run_id: str) -> FlowRun:
        run = await self.services.prefect.run(run_id) if self.services.settings.reads_book else None
        if run is None:
            raise RequestError("run_not_found", "There is no ingest run of that id.", status=404)
        return run

    async def _describe(self, run: FlowRun) -> IngestRun:
        findings: Findings = await self.services.prefect.findings(run.id)
        return IngestRun(
            run_id=run.id,
            progress=findings.progress,
            report=findings.report.model_copy(update={"source": ""}) if findings.report else None,
            **run.model_dump(exclude={"id", "since"}),
        )


def _accepted(run: FlowRun) -> Response:
    started = IngestStarted(run_id=run.id, status_url=f"/ingest/{run.id}")
    return json_response(started, 202, Location=started.status_url)

"""Starting and watching ingests, which run in Prefect and never here."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from quart import Blueprint, Response, request

from server.http import names
from server.http.bodies import json_response, read_body_as
from server.http.openapi import documents
from server.http.policy import limited, scope_needed
from server.prefect_api import FlowRun, PrefectApi
from server.schemas.book_api import IngestBody, IngestRun, IngestStarted, IngestStatus
from server.services import Services
from server.status.probes import live_build
from shared.books import book_path
from shared.errors import RequestError, ServiceError
from shared.ingest_runs import PageEdit, is_dead, is_silent


def blueprint(services: Services) -> Blueprint:
    """The ingest routes."""
    ingest = Blueprint("ingest", __name__)
    prefect = services.prefect

    @ingest.post("/ingest")
    @limited("lookup")
    @scope_needed("ingest")
    @documents("ingest", body=IngestBody, answer=IngestStarted, status=202, aliases=names.INGEST)
    async def start() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Read the book again. While a run with the same wish is on its way, its id is given instead of a new one."""
        body = await read_body_as(IngestBody, request)
        return _accepted(await start_run(services, full=body.full), services)

    @ingest.get("/ingest/status")
    @limited("lookup")
    @documents("ingest", answer=IngestStatus)
    async def status() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The latest run, and the build that is live; known without Prefect too."""
        build = await live_build(services.health.build)
        try:
            latest = await prefect.latest()
            run = await _describe(prefect, latest) if latest else None
            shown = IngestStatus(run=run, build=build, prefect_connected=True)
        except ServiceError:
            shown = IngestStatus(run=None, build=build, prefect_connected=False)
        return json_response(shown, Cache_Control="no-store")

    @ingest.get("/ingest/<uuid:run_id>")
    @limited("lookup")
    @documents("ingest", answer=IngestRun)
    async def run(run_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        """How far a run is, and what it did."""
        return json_response(await _describe(prefect, await _find(services, run_id)), Cache_Control="no-store")

    @ingest.delete("/ingest/<uuid:run_id>")
    @limited("lookup")
    @scope_needed("ingest")
    @documents("ingest", answer=IngestStarted, status=202)
    async def cancel(run_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Stop a run; the live build stays as it is."""
        run = await _find(services, run_id)
        if not run.is_active:
            raise RequestError("run_over", f"That run is over: {run.state}.", status=409)
        await prefect.cancel(run)
        return _accepted(run, services)

    return ingest


async def start_run(services: Services, *, full: bool = False, edit: PageEdit | None = None) -> FlowRun:
    """The run on its way that has the same wish, or a new one; an edit always gets a new one.

    Raises `RequestError` where another is on its way or no book is read here, and `ServiceError`.
    """
    if not services.settings.reads_book:
        message = "This Lectern reads no book itself (BOOK_SOURCE=none): its index is filled from elsewhere."
        raise RequestError("book_read_elsewhere", message, status=409)
    edit = edit.model_copy(update={"book": services.book}) if edit else None
    async with services.ingest_lock:
        return await _start_or_join(services.prefect, full=full, edit=edit)


async def _start_or_join(prefect: PrefectApi, *, full: bool, edit: PageEdit | None) -> FlowRun:
    """The run on its way, or a new one.

    The key under which a new one is created hangs on the run before it: of two replicas asked at the same instant both
    name the same key, and Prefect makes one run.
    """
    recent = await prefect.recent()
    for run in reversed(recent):
        if run.is_active and await _can_be_joined(prefect, run):
            if edit or run.page is not None or run.full != full:
                message = f"Another ingest is running (/ingest/{run.id}); wait for it or cancel it."
                raise RequestError("ingest_running", message, status=409, retry_after_s=10.0)
            return run
    before = recent[0].id if recent else "none"
    wish = f"edit-{sha256(edit.model_dump_json().encode()).hexdigest()}" if edit else "full" if full else "changes"
    return await prefect.start(full=full, edit=edit, idempotency_key=f"after-{before}-{wish}")


async def _can_be_joined(prefect: PrefectApi, run: FlowRun) -> bool:
    """Whether a caller may wait for that run; one killed outright stays `running` in Prefect for ever.

    One that is silent may have died. The caller gets a run of its own then, which waits until that is certain
    (flows/orchestration/one_at_a_time.py).
    """
    if not run.has_process:
        return True
    last_sign = run.last_sign(await prefect.findings(run.id))
    now = datetime.now(UTC)
    if is_dead(last_sign, now):
        await prefect.mark_dead(run)
        return False
    return run.state != "running" or not is_silent(last_sign, now)


async def _find(services: Services, run_id: UUID) -> FlowRun:
    run = await services.prefect.run(str(run_id)) if services.settings.reads_book else None
    if run is None:
        raise RequestError("run_not_found", "There is no ingest run of that id.", status=404)
    return run


async def _describe(prefect: PrefectApi, run: FlowRun) -> IngestRun:
    findings = await prefect.findings(run.id)
    return IngestRun(
        run_id=run.id,
        progress=findings.progress,
        report=findings.report.model_copy(update={"source": ""}) if findings.report else None,
        **run.model_dump(exclude={"id", "since"}),
    )


def status_address(services: Services, run: FlowRun) -> str:
    """Where a run is told of."""
    return f"{book_path(services.book)}/ingest/{run.id}"


def _accepted(run: FlowRun, services: Services) -> Response:
    started = IngestStarted(run_id=run.id, status_url=status_address(services, run))
    return json_response(started, 202, Location=started.status_url)

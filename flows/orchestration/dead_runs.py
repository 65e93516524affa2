"""Runs whose process died: kill -9 of a flow run, or of the machine, leaves it Running in Prefect for ever.

A living run writes its progress at least every `HEARTBEAT_S` seconds (shared/ingest_runs.py); one that has not for
`DEAD_AFTER_S` is marked crashed. Prefect's REST API is enough for that, so whoever starts or watches ingests can do it without
importing Prefect.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
from pydantic import AliasPath, BaseModel, Field, TypeAdapter

from shared.ingest_runs import DEAD_AFTER_S, FLOW, PROGRESS_KEY, note_of_death

_STATES = ["PENDING", "RUNNING", "CANCELLING"]


class Api(Protocol):
    """Prefect's REST API: an `httpx.AsyncClient` with its address as base URL, or a `PrefectClient`."""

    async def request(self, method: Any, path: Any, /, *, json: Any) -> httpx.Response: ...


class ActiveRun(BaseModel):
    """An ingest run that Prefect takes for being at work."""

    id: str
    name: str
    state: str = Field(validation_alias=AliasPath("state", "type"))
    since: datetime = Field(validation_alias=AliasPath("state", "timestamp"))
    start_time: datetime | None = None
    """When it first came into state Running; None: it is being started."""
    work_pool_name: str | None = None
    last_sign: datetime | None = None
    """When it last wrote its progress."""

    @property
    def heard_of(self) -> datetime:
        """When it last gave a sign of life."""
        return max(self.since, self.last_sign or self.since)


class _Progress(BaseModel):
    flow_run_id: str
    updated: datetime


_runs = TypeAdapter(list[ActiveRun])
_progress = TypeAdapter(list[_Progress])


async def close_dead_runs(api: Api, *, since: datetime | None = None) -> list[str]:
    """Mark the ingest runs that died as crashed (as cancelled, if that was asked for); their names.

    `since`: everything that was heard of last before this time is dead, however recently; for the time at which the one machine
    that runs ingests was started. Raises `httpx.HTTPError`.
    """
    now = datetime.now(UTC)
    before = max(now - timedelta(seconds=DEAD_AFTER_S), since or datetime.min.replace(tzinfo=UTC))
    dead = [run for run in await active_runs(api) if run.heard_of < before]
    for run in dead:
        await close_run(api, run)
    return [run.name for run in dead]


async def active_runs(api: Api) -> list[ActiveRun]:
    """The ingest runs that should have a process, of every deployment. Raises `httpx.HTTPError`."""
    body = {"flows": {"name": {"any_": [FLOW]}}, "flow_runs": {"state": {"type": {"any_": _STATES}}}}
    active = _runs.validate_json(await _post(api, "/flow_runs/filter", body))
    if active:
        written = {"flow_run_id": {"any_": [run.id for run in active]}, "key": {"any_": [PROGRESS_KEY]}}
        found = _progress.validate_json(await _post(api, "/artifacts/filter", {"artifacts": written}))
        signs = {progress.flow_run_id: progress.updated for progress in found}
        active = [run.model_copy(update={"last_sign": signs.get(run.id)}) for run in active]
    return active


async def close_run(api: Api, run: ActiveRun) -> None:
    """Mark a run that died. Raises `httpx.HTTPError`."""
    await _post(api, f"/flow_runs/{run.id}/set_state", note_of_death(cancelled=run.state == "CANCELLING"))


async def _post(api: Api, path: str, body: dict[str, Any]) -> bytes:
    response = await api.request("POST", path, json=body)
    response.raise_for_status()
    return response.content

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

from shared.ingest_runs import DEAD_AFTER_S, FLOW, PROGRESS_KEY, SHARD_FLOW, note_of_death

MAX_BEGINNINGS = 4
"""Of one run: a book that ends every process that reads it must not be read for ever."""
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
    run_count: int = 1
    """How often it was begun."""
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


async def close_dead_runs(api: Api, *, since: datetime | None = None, begin_again: bool = False) -> list[str]:
    """Mark the ingest runs that died as crashed (as cancelled, if that was asked for); their names.

    `since`: everything that was heard of last before this time is dead, however recently; for the time at which the one machine
    that runs ingests was started. `begin_again`: crashed ingests that were begun fewer than `MAX_BEGINNINGS` times are put back
    for a worker to take; what is a shard is begun again by whoever waits for it. Raises `httpx.HTTPError`.
    """
    now = datetime.now(UTC)
    before = max(now - timedelta(seconds=DEAD_AFTER_S), since or datetime.min.replace(tzinfo=UTC))
    dead = [run for run in await active_runs(api, FLOW, SHARD_FLOW) if run.heard_of < before]
    shards = {run.id for run in await active_runs(api, SHARD_FLOW)} if begin_again and dead else set[str]()
    for run in dead:
        await close_run(api, run)
        if begin_again and run.id not in shards and run.state != "CANCELLING" and run.run_count < MAX_BEGINNINGS:
            await run_again(api, run)
    return [run.name for run in dead]


async def active_runs(api: Api, *flows: str) -> list[ActiveRun]:
    """The runs that should have a process, of every deployment of these flows, or of ingests. Raises `httpx.HTTPError`."""
    return await find_runs(
        api, {"flows": {"name": {"any_": flows or [FLOW]}}, "flow_runs": {"state": {"type": {"any_": _STATES}}}}
    )


async def find_runs(api: Api, which: dict[str, Any]) -> list[ActiveRun]:
    """The runs of one of Prefect's filters, up to 200 of them. Raises `httpx.HTTPError`."""
    found = _runs.validate_json(await _post(api, "/flow_runs/filter", which))
    if not found:
        return []
    written = {"flow_run_id": {"any_": [run.id for run in found]}, "key": {"any_": [PROGRESS_KEY]}}
    progress = _progress.validate_json(await _post(api, "/artifacts/filter", {"artifacts": written}))
    signs = {each.flow_run_id: each.updated for each in progress}
    return [run.model_copy(update={"last_sign": signs.get(run.id)}) for run in found]


async def close_run(api: Api, run: ActiveRun) -> None:
    """Mark a run that died. Raises `httpx.HTTPError`."""
    await _post(api, f"/flow_runs/{run.id}/set_state", note_of_death(cancelled=run.state == "CANCELLING"))


async def run_again(api: Api, run: ActiveRun) -> None:
    """Have a run that died taken by a worker once more. Raises `httpx.HTTPError`."""
    again = {"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
    await _post(api, f"/flow_runs/{run.id}/set_state", {"state": again, "force": True})


async def _post(api: Api, path: str, body: dict[str, Any]) -> bytes:
    response = await api.request("POST", path, json=body)
    response.raise_for_status()
    return response.content

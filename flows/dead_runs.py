"""Runs whose process died: kill -9 of a flow run, or of the machine, leaves it Running in Prefect for ever.

A living run writes its progress at least every `HEARTBEAT_S` seconds (shared/runs.py); one that has not for `DEAD_AFTER_S` is
marked crashed. Prefect's REST API is enough for that, so whoever starts or watches ingests can do it without importing Prefect.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import BaseModel, TypeAdapter

from shared.runs import DEAD_AFTER_S, FLOW, PROGRESS_KEY

_STATES = ["PENDING", "RUNNING", "CANCELLING"]


class _State(BaseModel):
    type: str
    timestamp: datetime


class _Run(BaseModel):
    id: str
    name: str
    state: _State


class _Artifact(BaseModel):
    flow_run_id: str
    updated: datetime


_runs = TypeAdapter(list[_Run])
_artifacts = TypeAdapter(list[_Artifact])


async def close_dead_runs(client: httpx.AsyncClient, *, since: datetime | None = None) -> list[str]:
    """Mark the ingest runs that died as crashed (as cancelled, if that was asked for); their names.

    `client` has the API's address as base URL. `since`: everything that was heard of last before this time is dead, however
    recently; for the time at which the one machine that runs ingests was started. Raises `httpx.HTTPError`.
    """
    now = datetime.now(UTC)
    before = max(now - timedelta(seconds=DEAD_AFTER_S), since or datetime.min.replace(tzinfo=UTC))
    body = {"flows": {"name": {"any_": [FLOW]}}, "flow_runs": {"state": {"type": {"any_": _STATES}}}}
    active = _runs.validate_json(await _post(client, "/flow_runs/filter", body))
    signs = await _last_signs(client, [run.id for run in active])
    dead = [run for run in active if max(run.state.timestamp, signs.get(run.id, run.state.timestamp)) < before]
    for run in dead:
        await _close(client, run)
    return [run.name for run in dead]


async def _last_signs(client: httpx.AsyncClient, run_ids: list[str]) -> dict[str, datetime]:
    if not run_ids:
        return {}
    body = {"artifacts": {"flow_run_id": {"any_": run_ids}, "key": {"any_": [PROGRESS_KEY]}}}
    found = _artifacts.validate_json(await _post(client, "/artifacts/filter", body))
    return {artifact.flow_run_id: artifact.updated for artifact in found}


async def _close(client: httpx.AsyncClient, run: _Run) -> None:
    state = "CANCELLED" if run.state.type == "CANCELLING" else "CRASHED"
    message = "The process that ran it has died."
    await _post(client, f"/flow_runs/{run.id}/set_state", {"state": {"type": state, "message": message}, "force": True})


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> bytes:
    response = await client.post(path, json=body)
    response.raise_for_status()
    return response.content

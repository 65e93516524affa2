"""Which runs are dead, from what Prefect's API says of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from flows.orchestration.dead_runs import close_dead_runs
from shared.ingest_runs import DEAD_AFTER_S, HEARTBEAT_S


class Prefect:
    """Answers for one active run; remembers which state it was given."""

    def __init__(self, state: str, *, entered_s_ago: float, heard_s_ago: float | None = None) -> None:
        self.run = {"id": "1", "name": "brave-hare", "state": {"type": state, "timestamp": ago(entered_s_ago).isoformat()}}
        self.signs = [] if heard_s_ago is None else [{"flow_run_id": "1", "updated": ago(heard_s_ago).isoformat()}]
        self.given: dict[str, Any] | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/api/flow_runs/filter":
                return httpx.Response(200, json=[self.run])
            case "/api/artifacts/filter":
                return httpx.Response(200, json=self.signs)
            case "/api/flow_runs/1/set_state":
                self.given = json.loads(request.content)
                return httpx.Response(201, json={})
        return httpx.Response(404)

    async def close_dead_runs(self, since: datetime | None = None) -> list[str]:
        async with httpx.AsyncClient(base_url="http://prefect/api", transport=httpx.MockTransport(self.answer)) as client:
            return await close_dead_runs(client, since=since)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def test_a_run_not_heard_of_for_long_is_marked_crashed() -> None:
    prefect = Prefect("RUNNING", entered_s_ago=600, heard_s_ago=DEAD_AFTER_S + 5)
    assert await prefect.close_dead_runs() == ["brave-hare"]
    assert prefect.given is not None
    assert (prefect.given["state"]["type"], prefect.given["force"]) == ("CRASHED", True)


async def test_a_run_heard_of_just_now_lives_however_long_it_takes() -> None:
    prefect = Prefect("RUNNING", entered_s_ago=36_000, heard_s_ago=HEARTBEAT_S)
    assert await prefect.close_dead_runs() == []
    assert prefect.given is None


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
async def test_a_run_that_never_said_anything_has_as_long_to_begin(state: str) -> None:
    assert await Prefect(state, entered_s_ago=DEAD_AFTER_S - 30).close_dead_runs() == []
    assert await Prefect(state, entered_s_ago=DEAD_AFTER_S + 5).close_dead_runs() == ["brave-hare"]


async def test_a_dead_run_that_was_to_be_cancelled_is_cancelled() -> None:
    prefect = Prefect("CANCELLING", entered_s_ago=600)
    await prefect.close_dead_runs()
    assert prefect.given is not None
    assert prefect.given["state"]["type"] == "CANCELLED"


async def test_what_was_heard_of_before_everything_was_started_is_dead() -> None:
    prefect = Prefect("RUNNING", entered_s_ago=20, heard_s_ago=10)
    assert await prefect.close_dead_runs(since=ago(15)) == []
    assert await prefect.close_dead_runs(since=ago(5)) == ["brave-hare"]

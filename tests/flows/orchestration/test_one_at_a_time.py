"""Who goes first when two ingests of a book meet, from what Prefect's API says of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from flows.orchestration.dead_runs import ActiveRun
from flows.orchestration.one_at_a_time import find_running_ingest

SILENT_S, DEAD_S = 0.5, 1.5


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ingest_runs.SILENT_AFTER_S", SILENT_S)
    monkeypatch.setattr("shared.ingest_runs.DEAD_AFTER_S", DEAD_S)
    monkeypatch.setattr("flows.orchestration.one_at_a_time.LOOK_EVERY_S", 0.01)


LATELY = datetime.now(UTC) + timedelta(hours=1)
"""A sign of life that stays fresh however slow the machine is."""


class Prefect:
    """Answers for some runs; those that were closed are no longer active."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.signs: dict[str, datetime] = {}
        self.closed: dict[str, str] = {}

    def add(self, run_id: str, *, started_s_ago: float | None, state: str = "RUNNING", pool: str = "book") -> None:
        at = None if started_s_ago is None else ago(started_s_ago).isoformat()
        self.runs[run_id] = {
            "id": run_id,
            "name": f"run-{run_id}",
            "state": {"type": state, "timestamp": at or ago(0).isoformat()},
            "start_time": at,
            "work_pool_name": pool,
        }

    async def turn_of(self, run_id: str) -> ActiveRun | None:
        transport = httpx.MockTransport(self._answer)
        async with httpx.AsyncClient(base_url="http://prefect/api", transport=transport) as client:
            return await find_running_ingest(client, run_id)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        match request.url.path.removeprefix("/api/").split("/"):
            case ["flow_runs", "filter"]:
                return httpx.Response(200, json=[run for run_id, run in self.runs.items() if run_id not in self.closed])
            case ["artifacts", "filter"]:
                signs = [{"flow_run_id": run_id, "updated": sign.isoformat()} for run_id, sign in self.signs.items()]
                return httpx.Response(200, json=signs)
            case ["flow_runs", run_id, "set_state"]:
                self.closed[run_id] = json.loads(request.content)["state"]["type"]
                return httpx.Response(201, json={})
            case _:
                return httpx.Response(404)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def prefect() -> Prefect:
    prefect = Prefect()
    prefect.add("mine", started_s_ago=0)
    return prefect


async def test_alone_it_is_its_turn(prefect: Prefect) -> None:
    assert await prefect.turn_of("mine") is None


async def test_the_one_that_began_first_has_its_turn(prefect: Prefect) -> None:
    prefect.add("earlier", started_s_ago=60)
    prefect.signs |= {"earlier": LATELY, "mine": LATELY}
    rival = await prefect.turn_of("mine")
    assert rival is not None
    assert rival.name == "run-earlier"
    assert await prefect.turn_of("earlier") is None


async def test_one_that_began_long_ago_and_was_heard_of_just_now_lives(prefect: Prefect) -> None:
    prefect.add("earlier", started_s_ago=3600)
    prefect.signs["earlier"] = LATELY
    assert await prefect.turn_of("mine") is not None
    assert prefect.closed == {}


@pytest.mark.parametrize(("state", "after"), [("RUNNING", "CRASHED"), ("CANCELLING", "CANCELLED")])
async def test_one_that_is_silent_is_waited_for_until_it_is_certainly_dead(prefect: Prefect, state: str, after: str) -> None:
    prefect.add("earlier", started_s_ago=2 * SILENT_S, state=state)
    began = datetime.now(UTC)
    assert await prefect.turn_of("mine") is None
    assert datetime.now(UTC) - began > timedelta(seconds=DEAD_S - 2 * SILENT_S - 0.01)
    assert prefect.closed == {"earlier": after}


async def test_one_that_speaks_again_after_prefect_was_away_has_its_turn(prefect: Prefect) -> None:
    prefect.add("earlier", started_s_ago=3600)
    asyncio.get_running_loop().call_later(SILENT_S / 2, lambda: prefect.signs.update(earlier=datetime.now(UTC)))
    assert await prefect.turn_of("mine") is not None
    assert prefect.closed == {}


async def test_one_that_is_being_started_comes_after_us(prefect: Prefect) -> None:
    prefect.add("starting", started_s_ago=None, state="PENDING")
    assert await prefect.turn_of("mine") is None


async def test_another_pool_reads_another_book(prefect: Prefect) -> None:
    prefect.add("earlier", started_s_ago=60, pool="other-book")
    prefect.signs["earlier"] = LATELY
    assert await prefect.turn_of("mine") is None


async def test_of_two_that_began_at_the_same_instant_one_goes(prefect: Prefect) -> None:
    prefect.runs["other"] = prefect.runs["mine"] | {"id": "other", "name": "run-other"}
    prefect.signs |= {"other": LATELY, "mine": LATELY}
    turns = [await prefect.turn_of(run_id) for run_id in ("mine", "other")]
    assert sorted(turn is None for turn in turns) == [False, True]

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from shared import ingest_runs as runs
from shared.models import Progress, Step
from shared.settings import Settings
from tests.server.test_prefect_api import PROGRESS, REPORT
from tests.support.fakes import ADMIN_KEY, PrefectStandIn, make_services
from tests.support.live_server import LiveServer, serving

KEY = {"X-API-Key": ADMIN_KEY}


@pytest.fixture
def prefect() -> PrefectStandIn:
    return PrefectStandIn()


@pytest.fixture
async def live(prefect: PrefectStandIn) -> AsyncGenerator[LiveServer]:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY})
    async with serving(make_services(settings=settings, prefect=prefect)) as server:
        yield server


async def start(live: LiveServer, body: dict[str, object] | None = None, **headers: str) -> httpx.Response:
    return await live.client.post("/ingest", json=body or {}, headers=headers or KEY)


async def test_a_run_is_started_and_can_be_watched(live: LiveServer, prefect: PrefectStandIn) -> None:
    response = await start(live, {"full": True})
    run_id = prefect.runs[0]["id"]
    assert response.status_code == 202
    assert response.json() == {"run_id": run_id, "status_url": f"/ingest/{run_id}"}
    assert response.headers["location"] == f"/ingest/{run_id}"
    watched = (await live.client.get(response.json()["status_url"])).json()
    assert (watched["run_id"], watched["state"], watched["full"], watched["progress"]) == (run_id, "scheduled", True, None)


@pytest.mark.parametrize(
    "headers",
    [
        KEY,
        {"Authorization": f"Bearer {ADMIN_KEY}"},
        {"Authorization": f"bearer  {ADMIN_KEY}"},
    ],
)
async def test_the_key_opens_it(live: LiveServer, headers: dict[str, str]) -> None:
    assert (await start(live, **headers)).status_code == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-None": "x"}, 401),
        ({"Authorization": "Basic let-me-in-as-the-author-of-this-book"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"X-API-Key": "let-me-i"}, 403),
        ({"X-API-Key": "let-me-in-as-the-author-of-this-bookn"}, 403),
        ({"Authorization": "Bearer let-me-out"}, 403),
    ],
)
async def test_nothing_else_does(live: LiveServer, prefect: PrefectStandIn, headers: dict[str, str], status: int) -> None:
    response = await start(live, **headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in response.headers) is (status == 401)
    assert (await live.client.delete(f"/ingest/{uuid4()}", headers=headers)).status_code == status
    assert prefect.runs == []


async def test_without_a_key_in_the_settings_it_is_closed(prefect: PrefectStandIn) -> None:
    async with serving(make_services(prefect=prefect)) as live:
        response = await start(live)
    assert (response.status_code, response.json()["code"]) == (503, "ingest_closed")


async def test_where_the_index_is_filled_from_elsewhere_it_says_so(prefect: PrefectStandIn) -> None:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY, "book_source": "none"})
    async with serving(make_services(settings=settings, prefect=prefect)) as live:
        assert (await start(live, **{"X-API-Key": "wrong"})).status_code == 403
        response = await start(live)
        assert (response.status_code, response.json()["code"]) == (409, "book_read_elsewhere")
        assert "BOOK_SOURCE=none" in response.json()["detail"]
        assert (await live.client.get(f"/ingest/{uuid4()}")).status_code == 404
    assert prefect.runs == []


@pytest.mark.parametrize("body", [{"path": "/etc/passwd"}, {"source": "/"}, {"full": "yes"}, {"full": True, "x": 1}])
async def test_it_takes_no_path_and_nothing_unknown(live: LiveServer, prefect: PrefectStandIn, body: dict[str, object]) -> None:
    assert (await start(live, body)).status_code == 400
    assert prefect.runs == []


async def test_an_empty_body_is_an_ingest_of_what_changed(live: LiveServer, prefect: PrefectStandIn) -> None:
    assert (await live.client.post("/ingest", headers=KEY)).status_code == 202
    assert prefect.runs[0]["parameters"] == {"full": False}


async def test_while_a_run_is_on_its_way_the_same_request_gets_its_id(live: LiveServer, prefect: PrefectStandIn) -> None:
    first = (await start(live)).json()["run_id"]
    assert (await start(live)).json()["run_id"] == first
    prefect.runs[0]["state"]["type"] = "RUNNING"
    assert (await start(live)).json()["run_id"] == first
    other = await start(live, {"full": True})
    assert (other.status_code, other.json()["code"]) == (409, "ingest_running")
    prefect.runs[0]["state"]["type"] = "COMPLETED"
    assert (await start(live)).json()["run_id"] != first


@pytest.mark.one_server
async def test_requests_at_the_same_instant_are_one_run_also_over_replicas(prefect: PrefectStandIn) -> None:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY})
    async with (
        serving(make_services(settings=settings, prefect=prefect)) as one,
        serving(make_services(settings=settings, prefect=prefect)) as other,
    ):
        answers = await asyncio.gather(*(start(replica) for replica in (one, other) * 4))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert len(prefect.runs) == 1


@pytest.mark.parametrize(("state", "after"), [("RUNNING", "CRASHED"), ("PENDING", "CRASHED"), ("CANCELLING", "CANCELLED")])
async def test_a_run_whose_process_died_makes_way(live: LiveServer, prefect: PrefectStandIn, state: str, after: str) -> None:
    long_ago = datetime.now(UTC) - timedelta(seconds=runs.DEAD_AFTER_S + 1)
    dead = prefect.add_run(state, since=long_ago)
    prefect.add_progress(dead, PROGRESS, long_ago)
    assert (await start(live)).json()["run_id"] != dead["id"]
    assert dead["state"]["type"] == after


async def test_a_run_that_may_have_died_is_not_waited_for(live: LiveServer, prefect: PrefectStandIn) -> None:
    a_while_ago = datetime.now(UTC) - timedelta(seconds=runs.SILENT_AFTER_S + 1)
    silent = prefect.add_run("RUNNING", since=a_while_ago)
    started = (await start(live)).json()["run_id"]
    assert started != silent["id"]
    assert silent["state"]["type"] == "RUNNING"
    assert (await start(live)).json()["run_id"] == started


async def test_the_run_at_work_is_joined_though_a_newer_one_gave_way(live: LiveServer, prefect: PrefectStandIn) -> None:
    at_work = prefect.add_run("RUNNING")
    prefect.add_run("CANCELLED")
    assert (await start(live)).json()["run_id"] == at_work["id"]
    assert (await live.client.get("/ingest/status")).json()["run"]["run_id"] == at_work["id"]


async def test_a_run_that_waits_for_a_worker_is_not_dead(live: LiveServer, prefect: PrefectStandIn) -> None:
    waiting = prefect.add_run("SCHEDULED", since=datetime.now(UTC) - timedelta(hours=1))
    assert (await start(live)).json()["run_id"] == waiting["id"]


async def test_a_run_is_shown_with_its_progress_and_its_report(live: LiveServer, prefect: PrefectStandIn) -> None:
    run = prefect.add_run("COMPLETED")
    prefect.add_progress(run, PROGRESS)
    prefect.add_artifact(run, runs.REPORT_KEY, REPORT.model_dump(mode="json"))
    shown = (await live.client.get(f"/ingest/{run['id']}")).json()
    assert Progress.model_validate(shown["progress"]) == PROGRESS
    assert shown["report"]["chunks"] == {"added": 3, "changed": 0, "kept": 0, "removed": 0}
    assert shown["report"]["problems"] == []


async def test_the_status_is_the_latest_run_and_the_live_build(live: LiveServer, prefect: PrefectStandIn) -> None:
    status = (await live.client.get("/ingest/status")).json()
    assert (status["run"], status["build"]["id"], status["prefect_connected"]) == (None, "20250101-a", True)
    prefect.add_run("COMPLETED")
    newest = prefect.add_run("RUNNING")
    prefect.add_progress(newest, Progress(steps=(Step(name="embed", state="running", done=1, total=2),)))
    status = (await live.client.get("/ingest/status")).json()
    assert (status["run"]["run_id"], status["run"]["state"]) == (newest["id"], "running")
    assert status["run"]["progress"]["steps"][0]["done"] == 1


async def test_a_run_can_be_cancelled_once(live: LiveServer, prefect: PrefectStandIn) -> None:
    run = prefect.add_run("RUNNING")
    assert (await live.client.delete(f"/ingest/{run['id']}", headers=KEY)).status_code == 202
    assert run["state"]["type"] == "CANCELLING"
    run["state"]["type"] = "CANCELLED"
    over = await live.client.delete(f"/ingest/{run['id']}", headers=KEY)
    assert (over.status_code, over.json()["code"]) == (409, "run_over")


@pytest.mark.parametrize("run_id", ["6a1f0e0c-0000-4000-8000-000000000000", "nonsense", "..%2fstatus"])
async def test_a_run_nobody_knows_is_not_found(live: LiveServer, run_id: str) -> None:
    response = await live.client.get(f"/ingest/{run_id}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_while_prefect_is_away_the_web_goes_on(live: LiveServer, prefect: PrefectStandIn) -> None:
    prefect.is_away = True
    for response in (await start(live), await live.client.get(f"/ingest/{uuid4()}")):
        assert (response.status_code, response.json()["code"]) == (503, "prefect_unavailable")
        assert "retry-after" in response.headers
    status = (await live.client.get("/ingest/status")).json()
    assert (status["build"]["id"], status["prefect_connected"]) == ("20250101-a", False)
    assert (await live.ask()).status_code == 200


@pytest.mark.parametrize(("raw", "full"), [(b"", False), (b" ", False), (b"{}", False), (b'{"full": true}', True)])
async def test_an_ingest_is_of_what_changed_or_full(
    live: LiveServer, prefect: PrefectStandIn, raw: bytes, *, full: bool
) -> None:
    assert (await live.client.post("/ingest", content=raw, headers=KEY)).status_code == 202
    assert prefect.runs[0]["parameters"] == {"full": full}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"path": "/etc"}', "unknown_field"),
        (b'{"full": "yes"}', "invalid_field"),
        (b'{"full": 1}', "invalid_field"),
        (b'{"full": true, "source": "x"}', "unknown_field"),
        (b"[]", "malformed_json"),
    ],
)
async def test_an_ingest_takes_nothing_else(live: LiveServer, prefect: PrefectStandIn, raw: bytes, code: str) -> None:
    refused = await live.client.post("/ingest", content=raw, headers=KEY)
    assert (refused.status_code, refused.json()["code"], prefect.runs) == (400, code, [])

from __future__ import annotations

import pytest
from pydantic import SecretStr

from server.prefect_api import Findings, PrefectApi
from shared import ingest_runs as runs
from shared.errors import ConfigurationError, ServiceError
from shared.models import Progress, Report, Step, Tally
from shared.settings import Settings
from tests.support.fakes import NOON, PrefectStandIn

PROGRESS = Progress(steps=(Step(name="read", state="running", done=3, total=9, unit="files"),))
REPORT = Report(
    source="/book",
    files=Tally(added=2),
    chunks=Tally(added=3),
    embedded=3,
    tokens=100,
    cost_usd=0.0,
    embedding_model=None,
    build_id="b",
    new_build=True,
    problems=(),
    seconds=1.5,
)


@pytest.fixture
def prefect() -> PrefectStandIn:
    return PrefectStandIn()


@pytest.fixture
def api(prefect: PrefectStandIn) -> PrefectApi:
    return PrefectApi(Settings(), transport=prefect.transport)


async def test_the_same_key_starts_one_run(api: PrefectApi, prefect: PrefectStandIn) -> None:
    first = await api.start(full=True, idempotency_key="k")
    assert (first.state, first.full, first.is_active) == ("scheduled", True, True)
    assert (await api.start(full=True, idempotency_key="k")).id == first.id
    assert (await api.start(full=True, idempotency_key="l")).id != first.id
    assert len(prefect.runs) == 2


async def test_runs_are_found_by_id_and_the_newest_without(api: PrefectApi, prefect: PrefectStandIn) -> None:
    assert await api.latest() is None
    old, new = prefect.add_run("COMPLETED"), prefect.add_run("RUNNING", full=True)
    latest, found = await api.latest(), await api.run(old["id"])
    assert latest is not None
    assert found is not None
    assert (latest.id, latest.full, latest.is_active) == (new["id"], True, True)
    assert (found.id, found.state, found.is_active) == (old["id"], "completed", False)
    assert await api.run("00000000-0000-0000-0000-000000000000") is None


async def test_what_a_run_publishes_is_read_back(api: PrefectApi, prefect: PrefectStandIn) -> None:
    run = prefect.add_run()
    assert await api.findings(run["id"]) == Findings()
    prefect.add_progress(run, PROGRESS, NOON)
    prefect.add_artifact(run, runs.REPORT_KEY, REPORT.model_dump(mode="json"))
    prefect.add_progress(prefect.add_run(), Progress(steps=()))
    assert await api.findings(run["id"]) == Findings(progress=PROGRESS, last_sign=NOON, report=REPORT)


async def test_a_running_run_is_asked_to_stop_and_a_waiting_one_is_cancelled(api: PrefectApi, prefect: PrefectStandIn) -> None:
    for before, after in (("RUNNING", "CANCELLING"), ("PENDING", "CANCELLED"), ("SCHEDULED", "CANCELLED")):
        run = prefect.add_run(before)
        found = await api.run(run["id"])
        assert found is not None
        await api.cancel(found)
        assert run["state"]["type"] == after


@pytest.mark.parametrize("garbage", [b"", b"<html>", b"[1]", b'{"id": 3}', b'[{"id": "x"}]'])
async def test_an_answer_that_is_not_prefects_is_a_service_error(
    api: PrefectApi, prefect: PrefectStandIn, garbage: bytes
) -> None:
    prefect.garbage = garbage
    with pytest.raises(ServiceError) as failed:
        await api.latest()
    assert failed.value.service == "prefect"


async def test_a_server_that_asks_for_a_password_is_given_the_one_that_is_set(prefect: PrefectStandIn) -> None:
    prefect.auth = SecretStr("admin:pass")
    knows = PrefectApi(Settings(prefect_api_auth_string=prefect.auth), transport=prefect.transport)
    await knows.start(full=False, idempotency_key="k")
    for wrong in (None, SecretStr("admin:other")):
        api = PrefectApi(Settings(prefect_api_auth_string=wrong), transport=prefect.transport)
        with pytest.raises(ServiceError, match="it asks for another PREFECT_API_AUTH_STRING") as refused:
            await api.latest()
        assert not refused.value.transient


async def test_a_server_that_is_away_is_a_transient_service_error(api: PrefectApi, prefect: PrefectStandIn) -> None:
    prefect.is_away = True
    for call in (api.ping(), api.latest(), api.run("x"), api.findings("x"), api.start(full=False, idempotency_key="k")):
        with pytest.raises(ServiceError) as failed:
            await call
        assert (failed.value.service, failed.value.transient) == ("prefect", True)


async def test_a_server_whose_database_is_busy_is_asked_again(api: PrefectApi, prefect: PrefectStandIn) -> None:
    prefect.busy_times = 3
    await api.start(full=False, idempotency_key="k")
    assert len(prefect.runs) == 1
    prefect.busy_times = 9
    with pytest.raises(ServiceError, match="was answered 503") as caught:
        await api.latest()
    assert caught.value.transient


async def test_a_deployment_that_is_not_there_yet_may_still_come(api: PrefectApi, prefect: PrefectStandIn) -> None:
    prefect.is_deployed = False
    with pytest.raises(ServiceError, match="deployment") as failed:
        await api.start(full=False, idempotency_key="k")
    assert failed.value.transient


async def test_an_artifact_that_is_no_progress_is_a_service_error(api: PrefectApi, prefect: PrefectStandIn) -> None:
    run = prefect.add_run()
    prefect.add_artifact(run, runs.PROGRESS_KEY, "not json")
    with pytest.raises(ServiceError):
        await api.findings(run["id"])


@pytest.mark.parametrize("address", ["http://host:port", "http://", "prefect", "file:///x"])
def test_an_address_that_is_none_is_the_operators_mistake(address: str) -> None:
    with pytest.raises(ConfigurationError, match="PREFECT_API_URL"):
        PrefectApi(Settings(prefect_api_url=address))

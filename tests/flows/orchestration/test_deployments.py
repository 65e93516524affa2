"""What `prefect.yaml` lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.flows import load_flow_from_entrypoint

from flows.orchestration.deployments import listed_deployments
from shared.ingest_runs import DEPLOYMENT, WORK_POOL
from tests.conftest import REPOSITORY

LISTED = listed_deployments()


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["name"])
def test_an_entrypoint_loads(entry: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)


def test_the_deployment_that_the_server_starts_is_listed() -> None:
    names = {f"{load_flow_from_entrypoint(entry['entrypoint']).name}/{entry['name']}" for entry in LISTED}
    assert DEPLOYMENT in names


def test_every_deployment_runs_in_this_folder_on_one_pool() -> None:
    for entry in LISTED:
        assert entry["work_pool"]["name"] == WORK_POOL
        assert entry["work_pool"]["job_variables"]["working_dir"] == str(REPOSITORY)


def test_the_nightly_one_has_a_schedule_that_is_off_until_wanted() -> None:
    schedules = {entry["name"]: entry.get("schedules", []) for entry in LISTED}
    assert schedules["ingest-book"] == []
    assert [(each["cron"], each["active"]) for each in schedules["ingest-book-nightly"]] == [("0 3 * * *", False)]


def test_the_folder_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text('deployments:\n  - name: a\n    here: "{{ $PWD }}"\n')
    assert listed_deployments(tmp_path) == [{"name": "a", "here": str(tmp_path)}]

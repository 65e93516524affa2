"""What `prefect.yaml` lists."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from prefect import Task
from prefect.flows import load_flow_from_entrypoint

from flows import ingest
from flows.orchestration.deployments import listed_deployments
from shared.errors import ConfigurationError
from shared.ingest_runs import DEPLOYMENT, SHARD_DEPLOYMENT, WORK_POOL
from tests.conftest import REPOSITORY

LISTED, STEPS = listed_deployments()


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["name"])
def test_an_entrypoint_loads(entry: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)


def test_the_deployments_that_the_server_and_an_ingest_start_are_listed() -> None:
    names = {f"{load_flow_from_entrypoint(entry['entrypoint']).name}/{entry['name']}" for entry in LISTED}
    assert {DEPLOYMENT, SHARD_DEPLOYMENT} <= names


def test_shards_have_a_queue_of_their_own() -> None:
    queues = {entry["name"]: entry["work_pool"].get("work_queue_name") for entry in LISTED}
    assert queues == {"ingest-book": None, "ingest-book-nightly": None, "ingest-shard": "shards"}


def test_every_deployment_runs_in_this_folder_on_one_pool() -> None:
    for entry in LISTED:
        assert entry["work_pool"]["name"] == WORK_POOL
        assert entry["work_pool"]["job_variables"]["working_dir"] == str(REPOSITORY)


def test_the_nightly_one_has_a_schedule_that_is_off_until_wanted() -> None:
    schedules = {entry["name"]: entry.get("schedules", []) for entry in LISTED}
    assert schedules["ingest-book"] == []
    assert [(each["cron"], each["active"]) for each in schedules["ingest-book-nightly"]] == [("0 3 * * *", False)]


def test_the_worker_has_the_code() -> None:
    assert STEPS["pull"] == []


def listing(folder: Path, text: str) -> Path:
    (folder / "prefect.yaml").write_text(text)
    return folder


def test_what_prefect_takes_is_given_to_it(tmp_path: Path) -> None:
    (entry,), _ = listed_deployments(
        listing(
            tmp_path,
            "deployments:\n  - name: a\n    tags: [book]\n    concurrency_limit: 2\n    paused: true\n"
            "    work_pool: {name: p, job_variables: {working_dir: '{{ $PWD }}/docs'}}\n",
        )
    )
    assert (entry["tags"], entry["concurrency_limit"], entry["paused"]) == (["book"], 2, True)
    assert entry["work_pool"]["job_variables"] == {"working_dir": f"{tmp_path}/docs"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("deployments:\n  - name: a\n    tag: [book]\n", "holds what Prefect does not know: tag of a."),
        ("deployment: []\ndeployments: []\n", "holds what Prefect does not know: deployment."),
        ("deployments:\n  - name: a\n    schedules: [{cron: '0 3 * * *', every: day}]\n", "Prefect cannot read "),
    ],
)
def test_what_prefect_would_leave_out_in_silence_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        listed_deployments(listing(tmp_path, text))
    assert complaint in str(refused.value)


def test_no_two_tasks_of_the_flow_share_a_key() -> None:
    members = cast("dict[str, object]", vars(ingest)).values()
    tasks = [cast("Task[..., object]", value) for value in members if isinstance(value, Task)]
    assert [each.name for each in tasks] == ["find", "read", "plan", "embed", "apply", "report"]
    assert len({each.task_key for each in tasks}) == len(tasks)
    assert {each.persist_result for each in tasks} == {False}

"""The deployment as users run it: a real Prefect server, a real worker, the flow in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.orchestration.dead_runs import close_dead_runs
from server.prefect_api import PrefectApi
from shared.index.open_index import open_index
from shared.ingest_runs import (
    CHANGES_KEY,
    DEPLOYMENT,
    PROGRESS_KEY,
    REPORT_KEY,
    SILENT_AFTER_S,
    SUMMARY_KEY,
    decode_progress,
    decode_report,
)
from shared.models import Build
from shared.retry import IN_AN_INGEST
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.book_folder import PAGES, settings_for, write_book
from tests.support.openai.stand_in import StandIn
from tests.support.prefect_stage import AUTH, LIMIT_S, Runs, Stage, stop
from tests.support.telemetry.otlp_collector import OtlpCollector

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("prefect")]


NIGHTLY = "ingest-book/ingest-book-nightly"


@pytest.fixture
def settings(tmp_path: Path, stand_in: StandIn) -> Settings:
    return settings_for(
        write_book(tmp_path / "book"),
        tmp_path / "data",
        site_url="https://example.github.io",
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


@contextmanager
def worker(stage: Stage, settings: Settings, **others: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of these settings, and others, while the context lasts; its runs end with it."""
    names = ("book_source", "data_dir", "site_url", "embedding_base_url", "embedding_model", "embedding_dimensions")
    given = {name.upper(): str(getattr(settings, name)) for name in names} | {"EMBEDDING_API_KEY": "key"} | others
    process = stage.start_worker(given)
    try:
        yield process
    finally:
        stop(process)


async def live(settings: Settings) -> Build | None:
    index = open_index(settings)
    try:
        return await index.live()
    finally:
        await index.aclose()


async def test_a_run_reads_the_book_and_publishes_what_it_did(stage: Stage, runs: Runs, settings: Settings) -> None:
    (Path(settings.book_source) / "latin.md").write_bytes(b"caf\xe9")
    with worker(stage, settings):
        run_id = await runs.start()
        state = await runs.wait(run_id)
        assert state["type"] == "COMPLETED", stage.log()
        warnings = await runs.warnings(run_id)  # sent every two seconds, and not by a run whose worker was killed
    published = await runs.artifacts(run_id)
    assert {step.state for step in decode_progress(published[PROGRESS_KEY]).steps} == {"done"}
    report = decode_report(published[REPORT_KEY])
    assert report.files.added == len(PAGES)
    assert [problem.path for problem in report.problems] == ["latin.md"]
    assert [row["change"] for row in json.loads(published[CHANGES_KEY])] == ["added"] * len(PAGES)
    assert "[arms.md](https://example.github.io/docs/arms)" in published[SUMMARY_KEY]
    assert "3 files: 3 added" in state["message"]
    assert "1 file skipped: latin.md" in state["message"]
    assert "- `latin.md:1: not UTF-8: byte 0xe9 (skipped)`" in published[SUMMARY_KEY]
    assert warnings == [("read", "latin.md:1: not UTF-8: byte 0xe9 (skipped)")]
    build = await live(settings)
    assert build is not None
    assert build.id == report.build_id
    assert await runs.tasks(run_id) == [
        "find the book's files",
        "read files 1 to 4 of 4: arms.md to part/legs.mdx",
        f"compare {build.chunks} chunks with the live build",
        f"vectors of {build.chunks} texts",
        f"write build {build.id}",
        "say what was done",
    ]


async def test_a_run_is_one_trace_from_the_flow_to_the_batches_upstream(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn
) -> None:
    async with OtlpCollector.running() as collector:
        with worker(stage, settings, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address):
            run_id = await runs.start()
            assert (await runs.wait(run_id))["type"] == "COMPLETED", stage.log()
    run = collector.named("ingest")
    assert (run.attributes, run.service) == ({"prefect.flow_run.id": run_id}, "lectern-ingest")
    assert {span.trace_id for span in collector.spans} == {run.trace_id}
    assert {span.name: collector.parent_of(span) for span in collector.spans} == {
        "ingest": "",
        **dict.fromkeys(("find", "read", "plan", "embed", "apply", "report"), "ingest"),
        "read batch": "read",
        "embeddings bag-of-words": "embed",
    }
    (sent,) = [request.headers["traceparent"].split("-") for request in stand_in.seen if request.endpoint == "embeddings"]
    assert sent[1:3] == [run.trace_id, collector.named("embeddings bag-of-words").span_id]


async def test_each_time_the_model_is_asked_again_is_a_line_in_the_log_of_the_run(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "rate_limited", times=2)
    with worker(stage, settings):
        run_id = await runs.start()
        assert (await runs.wait(run_id))["type"] == "COMPLETED", stage.log()
        warnings = await runs.warnings(run_id, least=2)
    assert [(task, message.partition("Attempt")[2].partition(";")[0]) for task, message in warnings] == [
        ("vectors", f" 1 of {IN_AN_INGEST.attempts}"),
        ("vectors", f" 2 of {IN_AN_INGEST.attempts}"),
    ]


SECRETS = {
    "EMBEDDING_API_KEY": "sk-canary-embedding-0123456789abcdef",
    "OPENAI_API_KEY": "sk-canary-chat-0123456789abcdef",
    "ADMIN_API_KEY": "canary-admin-0123456789abcdef0123456789",
    "JWT_SECRET": "canary-jwt-0123456789abcdef0123456789abc",
    "METRICS_API_KEY": "canary-metrics-0123456789abcdef01234567",
    "DATABASE_URL": "postgresql://lectern:canary-database-0123@127.0.0.1:1/lectern",
    "REDIS_URL": "redis://:canary-redis-0123@127.0.0.1:1/0",
}


@pytest.mark.parametrize("failure", ["", "unauthorized"])
async def test_no_secret_is_in_anything_prefect_shows(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn, failure: str
) -> None:
    (Path(settings.book_source) / "latin.md").write_bytes(b"caf\xe9")
    stand_in.fail("embeddings", failure or "rate_limited")  # type: ignore[arg-type]
    with worker(stage, settings, **SECRETS):
        run_id = await runs.start()
        state = await runs.wait(run_id)
        assert state["type"] == ("FAILED" if failure else "COMPLETED"), stage.log()
        await runs.warnings(run_id)
    of_the_run = {"flow_runs": {"id": {"any_": [run_id]}}}
    shown = [
        await runs.client.get(f"/flow_runs/{run_id}"),
        await runs.client.post("/logs/filter", json={"logs": {"flow_run_id": {"any_": [run_id]}}}),
        await runs.client.post("/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [run_id]}}}),
        await runs.client.post("/task_runs/filter", json=of_the_run),
        await runs.client.post("/deployments/filter", json={}),
        await runs.client.post("/work_pools/filter", json={}),
    ]
    assert all(answer.is_success for answer in shown)
    assert PROGRESS_KEY in shown[2].text
    assert [name for name in SECRETS for answer in shown if "canary" in answer.text or SECRETS[name] in answer.text] == []


async def test_a_book_that_is_not_there_fails_the_run_with_one_sentence(
    stage: Stage, runs: Runs, settings: Settings, tmp_path: Path
) -> None:
    with worker(stage, settings.model_copy(update={"book_source": str(tmp_path / "nowhere")})):
        state = await runs.wait(await runs.start())
    assert state["type"] == "FAILED"
    assert f"The book's folder {str(tmp_path / 'nowhere')!r} does not exist." in state["message"]


async def test_a_book_that_fails_leaves_the_others_of_a_run_to_be_read(
    stage: Stage, runs: Runs, settings: Settings, tmp_path: Path
) -> None:
    books = {"BOOKS": "gone,robots", "GONE__BOOK_SOURCE": str(tmp_path / "nowhere")}
    with worker(stage, settings, **books):
        state = await runs.wait(await runs.start())
    assert state["type"] == "FAILED"
    assert f"The book's folder {str(tmp_path / 'nowhere')!r} does not exist." in state["message"]
    build = await live(settings.model_copy(update={"collection": f"{settings.collection}-robots"}))
    assert build is not None
    assert build.documents == len(PAGES)


async def test_a_second_run_is_refused_and_a_cancelled_one_leaves_the_index_as_it_was(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "slow", seconds=300)
    with worker(stage, settings):
        first = await runs.start()
        await embedding(runs, first)
        for deployment in (DEPLOYMENT, NIGHTLY):
            refused = await runs.wait(await runs.start(deployment=deployment))
            assert refused["type"] == "CANCELLED"
            assert (
                refused["message"] == f"The run {await runs.name(first)!r} is reading this book already; this one did nothing."
            )
        await runs.client.post(f"/flow_runs/{first}/set_state", json={"state": {"type": "CANCELLING"}})
        assert (await runs.wait(first))["type"] == "CANCELLED"
        assert await live(settings) is None
        stand_in.reset()
        assert (await runs.wait(await runs.start()))["type"] == "COMPLETED", stage.log()


async def test_a_run_started_after_one_was_killed_waits_until_that_is_certain_and_reads_the_book(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "slow", seconds=300)
    with worker(stage, settings) as process:
        killed = await runs.start()
        await embedding(runs, killed)
        os.killpg(process.pid, signal.SIGKILL)
    stand_in.reset()
    with worker(stage, settings):
        await asyncio.sleep(SILENT_AFTER_S)
        assert (await runs.wait(await runs.start(deployment=NIGHTLY)))["type"] == "COMPLETED", stage.log()
        assert (await runs.state(killed))["type"] == "CRASHED"


async def test_a_schedule_that_was_switched_on_stays_on(stage: Stage, runs: Runs, settings: Settings) -> None:
    with worker(stage, settings):
        await runs.wait(await runs.start(deployment=NIGHTLY))
    deployment = (await runs.client.get(f"/deployments/name/{NIGHTLY}")).raise_for_status().json()
    (schedule,) = deployment["schedules"]
    assert (schedule["active"], schedule["schedule"]["cron"]) == (False, "0 3 * * *")
    for active in (True, False):
        where = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
        (await runs.client.patch(where, json={"active": active})).raise_for_status()
        register = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "flows.orchestration.deployments", cwd=REPOSITORY, env=stage.environment
        )
        assert await register.wait() == 0
        (schedule,) = (await runs.client.get(f"/deployments/name/{NIGHTLY}")).raise_for_status().json()["schedules"]
        assert schedule["active"] is active


async def test_runs_that_a_schedule_has_for_later_keep_no_ingest_from_starting(
    stage: Stage, runs: Runs, settings: Settings
) -> None:
    with worker(stage, settings):
        await runs.wait(await runs.start())
    deployment = (await runs.client.get(f"/deployments/name/{NIGHTLY}")).raise_for_status().json()
    (schedule,) = deployment["schedules"]
    where = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
    (await runs.client.patch(where, json={"active": True})).raise_for_status()
    try:
        async with asyncio.timeout(LIMIT_S):
            later = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
            while not (await runs.client.post("/flow_runs/filter", json=later)).json():  # noqa: ASYNC110  polls a server
                await asyncio.sleep(0.2)
        prefect = PrefectApi(settings.model_copy(update={"prefect_api_url": stage.api_url, "prefect_api_auth_string": AUTH}))
        assert [run.state for run in await prefect.recent() if run.is_active] == []
        await prefect.aclose()
    finally:
        (await runs.client.patch(where, json={"active": False})).raise_for_status()


async def test_a_run_that_was_killed_with_its_worker_is_recognised_and_the_next_reaches_the_index(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "slow", seconds=300)
    with worker(stage, settings) as process:
        killed = await runs.start()
        await embedding(runs, killed)
        os.killpg(process.pid, signal.SIGKILL)
    assert (await runs.state(killed))["type"] == "RUNNING"
    assert await close_dead_runs(runs.client) == []  # it was heard of just now
    assert len(await close_dead_runs(runs.client, since=datetime.now(UTC))) == 1
    assert (await runs.state(killed))["type"] == "CRASHED"

    stand_in.reset()
    with worker(stage, settings):
        run_id = await runs.start()
        assert (await runs.wait(run_id))["type"] == "COMPLETED", stage.log()
    assert decode_report((await runs.artifacts(run_id))[REPORT_KEY]).files.added == len(PAGES)


async def test_a_run_whose_process_alone_was_killed_is_marked_by_its_worker(
    stage: Stage, runs: Runs, settings: Settings, stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "slow", seconds=300)
    with worker(stage, settings) as process:
        run_id = await runs.start()
        await embedding(runs, run_id)
        for child in children_of(process.pid):
            os.kill(child, signal.SIGKILL)
        assert (await runs.wait(run_id))["type"] == "CRASHED"
    assert await live(settings) is None


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def embedding(runs: Runs, run_id: str) -> None:
    """Return when the run has told that it is embedding."""
    while "embed" not in await running(runs, run_id):
        assert (await runs.state(run_id))["type"] in {"SCHEDULED", "PENDING", "RUNNING"}


async def running(runs: Runs, run_id: str) -> set[str]:
    data: Any = (await runs.artifacts(run_id)).get(PROGRESS_KEY)
    return {step.name for step in decode_progress(data).steps if step.state == "running"} if data else set()


async def test_the_command_line_of_prefect_registers_the_same(stage: Stage, runs: Runs, settings: Settings) -> None:
    with worker(stage, settings):
        await runs.wait(await runs.start())
    ours = await deployments(runs)
    command = ["prefect", "--no-prompt", "deploy", "--all"]
    deploy = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, env=stage.environment | {"PWD": str(REPOSITORY)})
    assert await deploy.wait() == 0
    assert await deployments(runs) == ours


async def deployments(runs: Runs) -> list[dict[str, Any]]:
    names = ("name", "entrypoint", "work_pool_name", "job_variables", "pull_steps", "parameters", "parameter_openapi_schema")
    found = (await runs.client.post("/deployments/filter", json={"sort": "NAME_ASC"})).raise_for_status().json()
    plain = [{name: each[name] or None for name in (*names, "concurrency_limit", "description")} for each in found]
    schedules = [[{name: one[name] for name in ("schedule", "active", "slug")} for one in each["schedules"]] for each in found]
    return [one | {"schedules": of_it} for one, of_it in zip(plain, schedules, strict=True)]

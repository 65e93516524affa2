"""A large book read in shards, as it is in production: a Prefect server, workers, a process for each run, kill -9.

SHARD_KILLS says how many workers are killed, two in each test. With 20, `make test` of this file takes half an hour.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from shared.ingest_runs import REPORT_KEY, decode_report
from shared.models import Report
from shared.settings import Settings
from tests.support.book_folder import environment, everything_in, ingest_book, large_book, settings_for
from tests.support.databases import postgres
from tests.support.databases.postgres import Postgres
from tests.support.openai.stand_in import StandIn
from tests.support.prefect_stage import OVER, Runs, Stage, stop
from tests.support.processes import kill_tree, tree

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("prefect")]

SHARDS = 3
TESTS = int(os.environ.get("SHARD_KILLS", "2")) // 2


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A Prefect server on Postgres, as several workers need it: SQLite has been seen to keep them out for a minute."""
    if postgres.BIN is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql, or `make test` as root")
    with Postgres() as database:
        stage = Stage(tmp_path_factory.mktemp("sharded"), database.address(scheme="postgresql+asyncpg"))
        try:
            stage.start_server()
            yield stage
        finally:
            if stage.server is not None:
                stop(stage.server)


@pytest.fixture
def settings(tmp_path: Path, stand_in: StandIn) -> Settings:
    """Of a book in three shards."""
    return settings_for(
        large_book(tmp_path / "book", 130 * SHARDS),
        tmp_path / "data",
        ingest_shards=SHARDS,
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


@pytest.fixture
async def unsharded(settings: Settings, stand_in: StandIn, tmp_path: Path) -> tuple[Settings, Report]:
    """The same book as one run reads it, and its report."""
    whole = settings.model_copy(update={"data_dir": tmp_path / "unsharded", "ingest_shards": 1})
    report = (await ingest_book(whole)).report
    stand_in.reset()
    return whole, report


class Workers:
    """Two workers of these settings, which take shards."""

    def __init__(self, stage: Stage, settings: Settings) -> None:
        names = ("book_source", "data_dir", "ingest_shards", "embedding_base_url", "embedding_model", "embedding_dimensions")
        self._start = lambda: stage.start_worker(environment(settings, names))
        self.running: list[subprocess.Popen[bytes]] = [self._start(), self._start()]

    def kill_one(self, *, with_run: str, or_other: bool) -> None:
        """kill -9 of the worker with the process of that run, or of the other one, and of all it started; a new one starts."""
        has_it = [any(_is_of(run_id=with_run, pid=pid) for pid in tree(worker.pid)) for worker in self.running]
        victim = has_it.index(True) if any(has_it) else 0
        victim = 1 - victim if or_other else victim
        kill_tree(self.running[victim].pid)
        self.running[victim].wait()
        self.running[victim] = self._start()


def _is_of(*, run_id: str, pid: int) -> bool:
    try:
        return f"PREFECT__FLOW_RUN_ID={run_id}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


@contextmanager
def two_workers(stage: Stage, settings: Settings) -> Generator[Workers]:
    workers = Workers(stage, settings)
    try:
        yield workers
    finally:
        for worker in workers.running:
            stop(worker)


async def test_shards_end_in_the_index_of_an_unsharded_run(
    stage: Stage, runs: Runs, settings: Settings, unsharded: tuple[Settings, Report], stand_in: StandIn
) -> None:
    whole, expected = unsharded
    with two_workers(stage, settings):
        run = await runs.start()
        assert (await runs.wait(run))["type"] == "COMPLETED", stage.log()
        report = decode_report((await runs.artifacts(run))[REPORT_KEY])
        shards = await runs.find({"flows": {"name": {"any_": ["ingest-shard"]}}})
    assert [each["state_type"] for each in shards] == ["COMPLETED"] * SHARDS
    assert await everything_in(settings) == await everything_in(whole)
    ours = {"build_id", "seconds"}
    assert report.model_dump(exclude=ours) == expected.model_dump(exclude=ours)
    assert sum(len(seen.inputs) for seen in stand_in.seen) == expected.embedded
    assert not [*(settings.data_dir / "shards").rglob("*.*")], "something was left in the folder of shards"


@pytest.mark.parametrize("seed", range(TESTS))
async def test_killed_workers_lose_nothing(
    stage: Stage, runs: Runs, unsharded: tuple[Settings, Report], stand_in: StandIn, seed: int
) -> None:
    """One with the run that waits and one without it, in any order, at moments of any kind."""
    whole, chance = unsharded[0], Random(seed)
    settings = whole.model_copy(update={"data_dir": whole.data_dir.with_name("data"), "ingest_shards": SHARDS})
    stand_in.fail("embeddings", "slow", times=1_000, seconds=0.3)
    kept = settings.data_dir / "shards" / settings.collection

    def count(what: str) -> int:
        return stand_in.count("embeddings") if what == "requests" else len(list((kept / what).glob("[!.]*")))

    with two_workers(stage, settings) as workers:
        run = await runs.start()
        for or_other in chance.sample([True, False], 2):
            what = chance.choice(["orders", "parts", "requests"])
            wanted = count(what) + chance.randint(1, 2)
            await wait_until(lambda what=what, wanted=wanted: count(what) >= wanted, runs, run)
            workers.kill_one(with_run=run, or_other=or_other)
        assert await wait_until(lambda: False, runs, run) == "COMPLETED", stage.log()
    assert await everything_in(settings) == await everything_in(whole)
    assert not [*kept.rglob("*.*")], "something was left in the folder of shards"


async def wait_until(is_so: Callable[[], bool], runs: Runs, run: str) -> str:
    """The run's state then, or when it ended; one that crashed is begun again."""
    while (state := (await runs.state(run))["type"]) not in OVER - {"CRASHED"} and not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return str(state)

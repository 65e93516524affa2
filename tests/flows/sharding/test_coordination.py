"""A book read in shards, each by what its run would call; Prefect's API is a stand-in, and says what becomes of the runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from flows.pipeline import PLAIN_STEPS, Outcome, ingest
from flows.progress import Tracker
from flows.sharding.coordination import LOST_IN_A_ROW, Coordinator
from flows.sharding.handover import BATCH_PAGES, BOUGHT, VECTORS, Handover
from flows.sharding.shard import handover_of, read_shard
from shared.models import Progress
from shared.settings import Settings
from tests.support.book_folder import everything_in, ingest_book, large_book, settings_for, write_book
from tests.support.openai.stand_in import StandIn

SHARDS = 3
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).isoformat()


class KilledError(Exception):
    """kill -9, as far as one process can have it."""


class Prefect:
    """Begins the run of a shard when it is asked for and when it is put back; `dies` says after how many parts it is killed."""

    def __init__(self, settings: Settings, dies: Callable[[int, int], int | None] = lambda shard, beginning: None) -> None:
        self.settings = settings
        self.dies = dies
        self.orders: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.begun: list[str] = []
        self.warnings: list[str] = []
        self.outcome = "COMPLETED"
        self.away = 0
        """For so many requests it cannot be reached."""

    async def ingest(self, *, full: bool = False) -> Outcome:
        transport = httpx.MockTransport(self._answer)
        async with httpx.AsyncClient(base_url="http://prefect/api", transport=transport) as client:
            share = Coordinator(self.settings, client, self._ask, self.warn, full)
            return await ingest(self.settings, full=full, steps=replace(PLAIN_STEPS, share=share))

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    async def _ask(self, order: str, number: int, count: int) -> str:
        assert 1 <= number <= count
        self.orders[str(number)] = order
        await self._begin(str(number))
        return str(number)

    async def _begin(self, run_id: str) -> None:
        if self.outcome == "SCHEDULED":
            self.states[run_id] = "SCHEDULED"
            return
        after = self.dies(int(run_id), self.begun.count(run_id))
        self.begun.append(run_id)

        def on_progress(progress: Progress) -> None:
            read = next(step for step in progress.steps if step.name == "read")
            if after is not None and read.state == "running" and read.done >= after * BATCH_PAGES:
                raise KilledError

        order = handover_of(self.settings).order(self.orders[run_id])
        assert order is not None
        try:
            await read_shard(self.settings, self.orders[run_id], order, tracker=Tracker(on_progress))
            self.states[run_id] = self.outcome
        except KilledError:
            self.states[run_id] = "RUNNING"

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            self.away -= 1
            raise httpx.ConnectError("Prefect is being restarted")
        match request.url.path.removeprefix("/api/").split("/"):
            case ["flow_runs", "filter"]:
                wanted = json.loads(request.content)["flow_runs"]["id"]["any_"]
                runs = [{"id": n, "name": f"run-{n}", "state": {"type": self.states[n], "timestamp": NOON}} for n in wanted]
                return httpx.Response(200, json=runs)
            case ["artifacts", "filter"]:
                return httpx.Response(200, json=[])
            case ["flow_runs", run_id, "set_state"]:
                self.states[run_id] = json.loads(request.content)["state"]["type"]
                if self.states[run_id] == "SCHEDULED":
                    await self._begin(run_id)
                return httpx.Response(201, json={})
            case _:
                return httpx.Response(404)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.sharding.coordination.LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("flows.sharding.coordination.LEAST_PAGES", BATCH_PAGES)
    monkeypatch.setattr("flows.sharding.coordination.UNTAKEN_AFTER_S", 0.0)
    monkeypatch.setattr("flows.sharding.coordination._LOST_AFTER_S", {"RUNNING": 0.0, "CRASHED": 0.0})


@pytest.fixture
def settings(tmp_path: Path, stand_in: StandIn) -> Settings:
    return settings_for(
        large_book(tmp_path / "book", 75 * SHARDS, sections=1),
        tmp_path / "data",
        ingest_shards=SHARDS,
        shards_dir=tmp_path / "shared by all machines",
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


@pytest.fixture
async def whole(settings: Settings, tmp_path: Path, stand_in: StandIn) -> tuple[Settings, Outcome]:
    """The same book read by one run."""
    own = settings.model_copy(update={"data_dir": tmp_path / "whole"})
    outcome = await ingest_book(own)
    stand_in.reset()
    return own, outcome


def inputs(stand_in: StandIn) -> int:
    return sum(len(seen.inputs) for seen in stand_in.seen)


async def test_shards_end_in_the_index_of_one_run(
    settings: Settings, whole: tuple[Settings, Outcome], stand_in: StandIn
) -> None:
    prefect = Prefect(settings)
    outcome = await prefect.ingest()
    assert (prefect.begun, prefect.warnings) == (["1", "2", "3"], [])
    assert await everything_in(settings) == await everything_in(whole[0])
    ours = {"build_id", "seconds"}
    assert outcome.report.model_dump(exclude=ours) == whole[1].report.model_dump(exclude=ours)
    assert inputs(stand_in) == outcome.report.embedded > 0
    assert [path for path in settings.shards_dir.rglob("*") if not path.is_dir()] == []  # type: ignore[union-attr]


async def test_a_lost_shard_goes_on_after_its_last_part(
    settings: Settings, whole: tuple[Settings, Outcome], stand_in: StandIn
) -> None:
    prefect = Prefect(settings, dies=lambda shard, beginning: 1 if shard == 2 and beginning == 0 else None)
    outcome = await prefect.ingest()
    assert prefect.begun == ["1", "2", "3", "2"]
    assert prefect.warnings == ["The run 'run-2' was lost, with 1 of 2 parts handed over; it is run again."]
    assert await everything_in(settings) == await everything_in(whole[0])
    assert inputs(stand_in) == outcome.report.embedded == whole[1].report.embedded


async def test_a_shard_that_is_always_lost_is_read_by_the_run_that_waits(
    settings: Settings, whole: tuple[Settings, Outcome], stand_in: StandIn
) -> None:
    prefect = Prefect(settings, dies=lambda shard, beginning: 0 if shard == 3 else None)
    await prefect.ingest()
    assert prefect.begun.count("3") == 1 + LOST_IN_A_ROW
    assert prefect.warnings[-1].startswith(f"The run 'run-3' was lost {LOST_IN_A_ROW} times in a row")
    assert await everything_in(settings) == await everything_in(whole[0])
    assert inputs(stand_in) == whole[1].report.embedded


@pytest.mark.parametrize(
    ("outcome", "warning"),
    [
        ("FAILED", "The run of a shard is failed: this run reads what it has not."),
        ("SCHEDULED", "No worker takes 3 shards: this run reads them."),
    ],
)
async def test_without_shards_the_run_reads_the_book_itself(
    settings: Settings, whole: tuple[Settings, Outcome], outcome: str, warning: str
) -> None:
    prefect = Prefect(settings)
    prefect.outcome = outcome
    await prefect.ingest()
    assert warning in prefect.warnings
    assert await everything_in(settings) == await everything_in(whole[0])


async def test_no_shard_is_lost_while_prefect_is_away(settings: Settings, whole: tuple[Settings, Outcome]) -> None:
    prefect = Prefect(settings)
    prefect.away = 5
    await prefect.ingest()
    assert (prefect.begun, prefect.warnings) == (["1", "2", "3"], [])
    assert await everything_in(settings) == await everything_in(whole[0])


async def test_what_a_killed_run_left_is_taken_by_the_next(
    settings: Settings, whole: tuple[Settings, Outcome], stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Prefect(settings, dies=lambda shard, beginning: 1)

    def kill(message: str) -> None:
        raise KilledError(message)

    killed.warn = kill  # of the first shard that is lost
    with monkeypatch.context() as killing:
        killing.setattr(Handover, "withdraw", Handover.parts)  # kill -9 leaves nothing in order
        with pytest.raises(KilledError):
            await killed.ingest()
    assert [*settings.shards_dir.rglob("orders/*.json")]  # type: ignore[union-attr]
    assert inputs(stand_in) > 0
    again = Prefect(settings)
    outcome = await again.ingest()
    assert again.begun == []  # fewer pages are left than are worth two shards
    assert [path for path in settings.shards_dir.rglob("*") if not path.is_dir()] == []  # type: ignore[union-attr]
    assert await everything_in(settings) == await everything_in(whole[0])
    assert inputs(stand_in) == outcome.report.embedded == whole[1].report.embedded


async def test_a_damaged_part_is_read_again(settings: Settings, whole: tuple[Settings, Outcome]) -> None:
    handover, damaged = handover_of(settings), 0

    class Damaging(Prefect):
        async def _begin(self, run_id: str) -> None:
            nonlocal damaged
            await super()._begin(run_id)
            for name, part in zip(("pages.sqlite", VECTORS, BOUGHT), handover.parts(self.orders[run_id]), strict=False):
                (part / name).write_bytes(b"no database")
                damaged += 1

    await Damaging(settings).ingest()
    assert damaged >= SHARDS
    assert await everything_in(settings) == await everything_in(whole[0])


async def test_an_edit_and_a_small_book_are_read_by_one_run(settings: Settings, stand_in: StandIn) -> None:
    await Prefect(settings).ingest()
    write_book(Path(settings.book_source), {"part-3/page-3.md": "# Page 3\n\nA new sentence.\n"})
    prefect = Prefect(settings)
    assert (await prefect.ingest()).report.files.changed == 1
    assert prefect.begun == []


async def test_a_full_ingest_has_every_page_read_anew(settings: Settings) -> None:
    await Prefect(settings).ingest()
    prefect = Prefect(settings)
    assert (await prefect.ingest(full=True)).report.new_build
    assert prefect.begun == ["1", "2", "3"]

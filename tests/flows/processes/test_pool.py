"""Pages are read in processes that may hang or die without harm to the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from flows.processes import pool
from flows.processes.messages import ReadingRules
from flows.processes.pool import Readers, open_readers, processes_for
from flows.reading.page import Page
from shared.errors import ServiceError
from shared.models import Site
from tests.support.book_folder import PAGES, write_book
from tests.support.processes import wait_until_asleep


def rules(root: Path) -> ReadingRules:
    return ReadingRules(root=root, boundary=root, vocabulary=root, site=Site(), collection="c", max_tokens=400)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path)


async def read(readers: Readers, *paths: str) -> list[Page]:
    return await readers.read(paths, lambda _: None)


async def test_pages_come_in_the_order_asked_for(book: Path) -> None:
    async with open_readers(rules(book), 2) as readers:
        pages = await read(readers, "part/legs.mdx", "arms.md", "intro.md")
    assert [page.path for page in pages] == ["part/legs.mdx", "arms.md", "intro.md"]
    assert [page.chunks[0].title for page in pages] == ["Legs", "Arms", "Robots"]


async def test_without_a_vocabulary_tokens_are_an_estimate(book: Path) -> None:
    async with open_readers(rules(book), 1) as readers:
        await read(readers, "arms.md")
        assert not readers.exact_tokens


async def test_how_many_pages_are_read_is_told(book: Path) -> None:
    heard: list[int] = []
    async with open_readers(rules(book), 1) as readers:
        await readers.read(["arms.md", "intro.md"], heard.append)
    assert heard == [1, 2]


async def test_a_page_that_cannot_be_read_is_a_problem_and_the_others_are_read(book: Path) -> None:
    (book / "latin.md").write_bytes(b"caf\xe9")
    async with open_readers(rules(book), 1) as readers:
        latin, gone, arms = await read(readers, "latin.md", "gone.md", "arms.md")
    assert [(p.path, p.line, p.reason, p.skipped) for p in latin.problems] == [("latin.md", 1, "not UTF-8: byte 0xe9", True)]
    assert [problem.skipped for problem in gone.problems] == [True]
    assert arms.chunks


async def test_a_page_that_takes_too_much_processor_time_is_a_problem_and_the_next_is_read(book: Path) -> None:
    (book / "long.md").write_text("- a\n  - b\n" * 50_000)
    async with open_readers(rules(book).model_copy(update={"page_limit_s": 0.5}), 1) as readers:
        long, arms = await read(readers, "long.md", "arms.md")
    assert [problem.reason for problem in long.problems] == ["took over 0.5 s of processor time to read"]
    assert arms.chunks


async def test_time_that_a_page_only_waits_is_not_counted(book: Path) -> None:
    os.mkfifo(book / "slow.md")
    async with open_readers(rules(book).model_copy(update={"page_limit_s": 0.5}), 1) as readers:
        child = await readers.processes[0].start()
        reading = asyncio.create_task(read(readers, "slow.md"))
        await asyncio.to_thread(wait_until_asleep, child.pid)
        await asyncio.sleep(0.8)  # the time it waits: longer than it may compute
        await asyncio.to_thread((book / "slow.md").write_text, "# Read after all")
        (page,) = await reading
    assert [chunk.text for chunk in page.chunks] == ["# Read after all"]


async def test_a_page_that_does_not_come_is_a_problem_and_the_next_is_read(book: Path) -> None:
    os.mkfifo(book / "endless.md")
    async with open_readers(rules(book), 1, idle_limit_s=1.0) as readers:
        endless, arms = await read(readers, "endless.md", "arms.md")
    assert [problem.reason for problem in endless.problems] == ["was not read: the reading process was stopped or hung for 1 s"]
    assert arms.chunks


async def test_a_page_whose_process_is_stopped_is_a_problem_and_the_next_is_read(book: Path) -> None:
    async with open_readers(rules(book), 1, idle_limit_s=1.0) as readers:
        child = await readers.processes[0].start()
        os.kill(child.pid, signal.SIGSTOP)
        intro, arms = await read(readers, "intro.md", "arms.md")
    assert [problem.skipped for problem in intro.problems] == [True]
    assert arms.chunks


async def test_a_page_is_waited_for_as_long_as_its_process_computes(book: Path) -> None:
    (book / "long.md").write_text("- a\n  - b\n" * 50_000)
    async with open_readers(rules(book).model_copy(update={"page_limit_s": 2.0}), 1, idle_limit_s=1.0) as readers:
        (long,) = await read(readers, "long.md")
    assert [problem.reason for problem in long.problems] == ["took over 2 s of processor time to read"]


async def test_a_page_that_ends_its_process_is_a_problem_and_the_next_is_read(book: Path) -> None:
    os.mkfifo(book / "endless.md")
    async with open_readers(rules(book), 1) as readers:
        child = await readers.processes[0].start()
        reading = asyncio.create_task(read(readers, "endless.md", "arms.md"))
        await asyncio.to_thread(wait_until_asleep, child.pid)
        os.kill(child.pid, signal.SIGKILL)
        endless, arms = await reading
    assert [problem.reason for problem in endless.problems] == ["ended the reading process (exit code -9)"]
    assert arms.chunks


async def test_a_draft_is_left_out_and_no_problem(book: Path) -> None:
    (book / "draft.md").write_text("---\ndraft: true\n---\n\n# Later\n")
    async with open_readers(rules(book), 1) as readers:
        (page,) = await read(readers, "draft.md")
    assert (page.chunks, page.problems) == ((), ())
    assert page.left_out


async def test_a_process_that_does_not_start_is_said(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.sys, "executable", "/bin/false")
    async with open_readers(rules(book), 1) as readers:
        with pytest.raises(ServiceError, match=r"reading process did not start in 5 attempts \(exit code 1\)"):
            await read(readers, *PAGES)
    assert readers.processes[0].child is None


@pytest.mark.parametrize("fault", ["kill -STOP $$", "kill -KILL $$"])
async def test_another_process_is_started_for_one_that_does_not_start(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    executable(tmp_path / "python", f"mkdir {tmp_path}/tried && {fault}", monkeypatch)
    async with open_readers(rules(book), 1, idle_limit_s=1.0) as readers:
        (arms,) = await read(readers, "arms.md")
    assert arms.chunks
    assert "The reading process did not start" in caplog.text


async def test_a_start_may_take_longer_than_a_process_may_be_idle(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    executable(tmp_path / "python", "n=0; while [ $n -lt 1500000 ]; do n=$((n + 1)); done", monkeypatch)
    async with open_readers(rules(book), 1, idle_limit_s=1.0) as readers:
        (arms,) = await read(readers, "arms.md")
    assert arms.chunks


async def test_a_start_that_only_computes_is_given_up(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "START_LIMIT_S", 0.1)
    monkeypatch.setattr(pool, "STARTS", 2)
    executable(tmp_path / "python", "while :; do :; done", monkeypatch)
    async with open_readers(rules(book), 1, idle_limit_s=2.0) as readers:
        with pytest.raises(ServiceError, match=r"did not start in 2 attempts \(over 0\.1 s of processor time\)"):
            await read(readers, "arms.md")


def executable(path: Path, before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that runs shell commands first."""
    path.write_text(f'#!/bin/sh\n{before}\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(pool.sys, "executable", str(path))


async def test_reading_processes_end_with_their_parent(book: Path) -> None:
    async with open_readers(rules(book), 1) as readers:
        child = await readers.processes[0].start()
    assert child.returncode is not None


def test_a_small_book_gets_one_process_and_a_large_one_no_more_than_cores() -> None:
    assert processes_for(740_000) == 1
    assert 1 <= processes_for(10**9) <= min(4, os.cpu_count() or 1)

"""How far an ingest is, and how that is shown."""

from __future__ import annotations

import io
import os
import pty
from contextlib import suppress

import pytest

from flows.progress import Tracker
from flows.terminal import ProgressLines, describe_step, show_progress
from shared.ingest_runs import decode_progress, encode_progress
from shared.models import Progress, Step


def states(progress: Progress) -> dict[str, str]:
    return {step.name: step.state for step in progress.steps}


def test_every_step_is_there_from_the_start_in_order() -> None:
    tracker = Tracker(lambda _: None)
    assert list(states(tracker.progress)) == ["find", "read", "plan", "embed", "apply", "report"]
    assert set(states(tracker.progress).values()) == {"pending"}


def test_a_step_runs_counts_and_is_done() -> None:
    heard: list[Step] = []
    tracker = Tracker(lambda progress: heard.append(progress.steps[1]))
    with tracker.step("read", total=2, unit="files") as advance:
        advance(1)
    assert [(step.state, step.done) for step in heard] == [("running", 0), ("running", 1), ("done", 2)]


def test_a_step_whose_size_is_not_known_ends_where_it_is() -> None:
    tracker = Tracker(lambda _: None)
    with tracker.step("find", unit="files") as advance:
        advance(7)
    assert tracker.progress.steps[0] == Step(name="find", state="done", done=7, unit="files")


def test_a_step_whose_body_raises_has_failed_and_those_after_it_stay_pending() -> None:
    tracker = Tracker(lambda _: None)

    def read_one_of_two() -> None:
        with tracker.step("read", total=2, unit="files") as advance:
            advance(1)
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        read_one_of_two()
    assert tracker.progress.steps[1] == Step(name="read", state="failed", done=1, total=2, unit="files")
    assert states(tracker.progress)["plan"] == "pending"


def test_a_step_with_nothing_to_do_is_done() -> None:
    tracker = Tracker(lambda _: None)
    tracker.skip("embed", "apply")
    assert states(tracker.progress) | {"embed": "done", "apply": "done"} == states(tracker.progress)


def test_what_is_published_is_read_back() -> None:
    tracker = Tracker(lambda _: None)
    tracker.skip("embed")
    assert decode_progress(encode_progress(tracker.progress)) == tracker.progress


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (Step(name="read", state="running", done=3, total=22, unit="files"), "3 of 22 files"),
        (Step(name="read", state="done", done=22, total=22, unit="files"), "22 files"),
        (Step(name="find", state="running", done=3, unit="files"), "3 files"),
        (Step(name="embed", state="failed", done=3, total=9, unit="texts"), "failed after 3 texts"),
        (Step(name="report", state="done"), "done"),
    ],
)
def test_a_step_is_described_by_its_counts(step: Step, line: str) -> None:
    assert describe_step(step) == line


def test_a_log_gets_one_line_for_each_step_that_ended_and_none_for_those_skipped() -> None:
    log = io.StringIO()
    tracker = Tracker(ProgressLines(log))
    with tracker.step("find", unit="files") as advance:
        advance(2)
    with tracker.step("read", total=2, unit="files") as advance:
        advance(1)
    tracker.skip("embed")
    with tracker.step("report"):
        pass
    assert log.getvalue() == "find   2 files\nread   2 files\nreport done\n"


@pytest.mark.parametrize(("done", "said"), [(0, ""), (1, "read   failed after 1 files\n")])
def test_a_step_that_fails_says_how_far_it_came_and_nothing_when_it_failed_at_once(done: int, said: str) -> None:
    def fail(tracker: Tracker) -> None:
        with tracker.step("read", total=2, unit="files") as advance:
            advance(done)
            raise ValueError("x")

    log = io.StringIO()
    with pytest.raises(ValueError, match="x"):
        fail(Tracker(ProgressLines(log)))
    assert log.getvalue() == said


def test_a_terminal_gets_bars() -> None:
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal, show_progress(terminal) as on_progress:
        with Tracker(on_progress).step("read", total=2, unit="files") as advance:
            advance(1)
        terminal.flush()
    shown = read_all(parent)
    assert "read" in shown
    assert "━" in shown


def read_all(terminal: int) -> str:
    """What was written to a terminal, up to its closing."""
    shown = b""
    with os.fdopen(terminal, "rb", buffering=0) as stream, suppress(OSError):  # a closed terminal reads as EIO
        while part := stream.read(65536):
            shown += part
    return shown.decode()

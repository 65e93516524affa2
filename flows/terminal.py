"""Progress of an ingest on a terminal: bars where somebody watches, lines where a log is kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

from shared.errors import LecternError
from shared.models import Progress, Step, StepName

EVERY_S = 5.0
"""A running step says how far it is this often."""


@contextmanager
def show_progress(stream: TextIO = sys.stderr) -> Generator[Callable[[Progress], None]]:
    """What is to be called with each `Progress`; writes to `stream`."""
    if not stream.isatty():
        yield ProgressLines(stream)
        return
    with _bars(stream) as on_progress:
        yield on_progress


class ProgressLines:
    """A line when a step ends, and now and then while it runs; none for a step that failed at once: the error says it all."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: dict[StepName, str] = {}
        self._next = time.monotonic() + EVERY_S

    def __call__(self, progress: Progress) -> None:
        for step in progress.steps:
            over = (step.state == "done" and step.total != 0) or (step.state == "failed" and step.done)
            if over or (step.state == "running" and time.monotonic() > self._next):
                self._tell(step)

    def _tell(self, step: Step) -> None:
        line = f"{step.name:7}{describe_step(step)}".rstrip()
        if self._told.get(step.name) == line:
            return
        self._told[step.name] = line
        self._next = time.monotonic() + EVERY_S
        self._stream.write(line + "\n")
        self._stream.flush()


def describe_step(step: Step) -> str:
    """E.g. `12 of 22 files`, `677 chunks`, `failed`."""
    unit = f" {step.unit}" if step.unit else ""
    if step.state == "failed":
        return f"failed after {step.done}{unit}" if step.unit else "failed"
    if not step.unit:
        return "done" if step.state == "done" else ""
    return f"{step.done}{unit}" if step.state == "done" or step.total is None else f"{step.done} of {step.total}{unit}"


@contextmanager
def _bars(stream: TextIO) -> Generator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:7}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        rows: dict[StepName, TaskID] = {}

        def on_progress(progress: Progress) -> None:
            for step in progress.steps:
                if step.state == "failed" and not step.done and step.name in rows:
                    bars.remove_task(rows.pop(step.name))
                if step.state == "pending" or step.total == 0 or (step.state == "failed" and not step.done):
                    continue
                if step.name not in rows:
                    rows[step.name] = bars.add_task(step.name, total=step.total, count="")
                done = step.state == "done"
                total = step.total or (1 if done else None)
                bars.update(rows[step.name], total=total, completed=total if done else step.done, count=describe_step(step))

        yield on_progress


def tell_error(error: LecternError, book: str = "") -> int:
    """Say on standard error what is wrong, with which of several books; the exit code."""
    for line in str(error).splitlines():
        print(f"lectern: {book}: {line}" if book else f"lectern: {line}", file=sys.stderr)  # noqa: T201
    return 1

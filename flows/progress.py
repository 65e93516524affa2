"""How far an ingest is, as it runs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import get_args

from shared import tracing
from shared.models import Progress, Step, StepName

OnProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """For callers that show none."""


class Tracker:
    """Keeps every step's state and tells `on_progress` of each change, on the caller's thread."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._steps: dict[StepName, Step] = {name: Step(name=name) for name in get_args(StepName)}

    @property
    def progress(self) -> Progress:
        """Where every step is now, in order."""
        return Progress(steps=tuple(self._steps.values()))

    @contextmanager
    def step(self, name: StepName, *, total: int | None = None, unit: str = "") -> Generator[Callable[[int], None]]:
        """Run a step; yields what reports how much of `total` is done. The step fails when its body raises."""
        self._set(Step(name=name, state="running", total=total, unit=unit))
        try:
            with tracing.span(name):
                yield lambda done: self._set(self._steps[name].model_copy(update={"done": done}))
        except BaseException:
            self._set(self._steps[name].model_copy(update={"state": "failed"}))
            raise
        done = self._steps[name].done if total is None else total
        self._set(self._steps[name].model_copy(update={"state": "done", "done": done}))

    def skip(self, *names: StepName) -> None:
        """Steps there is nothing to do for."""
        for name in names:
            self._set(Step(name=name, state="done", total=0))

    def _set(self, step: Step) -> None:
        self._steps[step.name] = step
        self._on_progress(self.progress)

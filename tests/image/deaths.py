"""Runs that die with a part of the container: how long until each is marked, and what becomes of the next one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.image.author import OVER, Author
from tests.image.books import PushedBook
from tests.image.processes import processes, wait_for

BEGIN_LIMIT_S = 60.0
MARK_LIMIT_S = 120.0
"""A run that died must be marked within."""

DEATHS: dict[str, tuple[str, ...]] = {
    "the ingest": ("ingest",),
    "the worker and the ingest": ("worker", "ingest"),
    "Prefect": ("prefect",),
}
"""What is killed in the middle of a run, by the roles of its processes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Prefect said of a run after something died."""

    state: str
    after_s: float
    """Since the death; infinite when it was never said."""

    def __str__(self) -> str:
        return f"{self.state} after {self.after_s:.1f} s"


def ingest_slowly(author: Author, book: PushedBook, seconds: float) -> str:
    """The id of a run that has a changed page to embed, and waits that long for the model."""
    before = author.embedded()
    author.slow_down_embeddings(seconds)
    book.change_one_page()
    book.push()
    run_id = author.start_ingest()
    wait_for(lambda: author.embedded() > before, BEGIN_LIMIT_S, 0.1)
    return run_id


def kill(leader: int, roles: Sequence[str]) -> None:
    """kill -9 of every process of these roles, at once."""
    for victim in processes(leader):
        if victim.role in roles:
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)


def verdict(author: Author, run_id: str) -> Verdict:
    """Wait until the run is over in Prefect's eyes."""
    began = time.monotonic()
    with suppress(TimeoutError):
        wait_for(lambda: author.state(run_id) in OVER, MARK_LIMIT_S + 10, 0.25)
        return Verdict(author.state(run_id), time.monotonic() - began)
    return Verdict(author.state(run_id), float("inf"))

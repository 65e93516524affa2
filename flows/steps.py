"""How a step of the ingest is run: directly here, as a Prefect task in `flows/ingest.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from shared.models import StepName

T = TypeVar("T")


class Runner(Protocol):
    """Runs one piece of a step's work and gives its result; `label` says which piece, for people."""

    async def __call__(self, step: StepName, label: str, work: Callable[[], Awaitable[T]], /) -> T: ...


async def run_directly(_step: StepName, _label: str, work: Callable[[], Awaitable[T]], /) -> T:
    """Just do it."""
    return await work()

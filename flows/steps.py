"""How a step of the ingest is run: directly here, as a Prefect task in `flows/ingest.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

from shared.models import StepName

T = TypeVar("T")


def no_remarks(_result: object) -> Iterable[str]:
    """Of a result that needs none."""
    return ()


class Runner(Protocol):
    """Runs one piece of a step's work and gives its result.

    `label` says which piece, for people; `remarks` what its author should know of the result, a line each.
    """

    async def __call__(
        self,
        step: StepName,
        label: str,
        work: Callable[[], Awaitable[T]],
        /,
        remarks: Callable[[T], Iterable[str]] = no_remarks,
    ) -> T: ...


async def run_directly(
    _step: StepName, _label: str, work: Callable[[], Awaitable[T]], /, remarks: Callable[[T], Iterable[str]] = no_remarks
) -> T:
    """Just do it; the caller's report holds the remarks."""
    del remarks
    return await work()

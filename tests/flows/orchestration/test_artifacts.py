"""What a run publishes while it goes on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from flows.orchestration.artifacts import open_artifacts
from shared.models import Progress


class Prefect:
    """Takes artifacts."""

    async def create_artifact(self, _artifact: Any) -> Any:
        return SimpleNamespace(id=uuid4())

    async def update_artifact(self, _artifact: Any, _changes: Any) -> None:
        return None


@pytest.mark.parametrize("rounds", range(8))
async def test_a_run_that_fails_as_it_tells_of_progress_ends(rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.orchestration.artifacts.PAUSE_S", 0)

    async def fail() -> None:
        async with open_artifacts(Prefect(), uuid4()) as artifacts:  # type: ignore[arg-type]
            await asyncio.sleep(0.05)  # it waits for what changes
            artifacts.on_progress(Progress(steps=()))
            for _ in range(rounds):
                await asyncio.sleep(0)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  raised above, and by nothing else
        await fail()

"""What the tests of real processes share: one Prefect server a session, for a cold one takes 12 s and 240 MB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.prefect_stage import Runs, Stage, stop


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A Prefect server; nothing is registered in it until a worker starts."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    try:
        stage.start_server()
        yield stage
    finally:
        if stage.server is not None:
            stop(stage.server)


@pytest.fixture
async def runs(stage: Stage) -> AsyncIterator[Runs]:
    async with httpx.AsyncClient(base_url=stage.api_url, trust_env=False, timeout=30) as client:
        yield Runs(client)


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parent.parent.parent

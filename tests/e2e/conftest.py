"""What the tests of real processes share: one Prefect server a session, for a cold one takes 12 s and 240 MB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.prefect_stage import Runs, Stage, stop


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


class Patient(httpx.AsyncHTTPTransport):
    """Asks again after a 503, as Prefect's own clients do: on SQLite it is the answer when two write at the same instant."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(20):
            response = await super().handle_async_request(request)
            if response.status_code != 503:
                break
            await response.aread()
            await asyncio.sleep(0.1)
        return response


@pytest.fixture
async def runs(stage: Stage) -> AsyncIterator[Runs]:
    transport = Patient()
    async with httpx.AsyncClient(base_url=stage.api_url, headers=stage.headers, transport=transport, timeout=None) as client:
        yield Runs(client)


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parent.parent.parent

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.databases.postgres import BIN, Postgres
from tests.support.databases.redis import PROGRAM, RedisProcess


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One for the session; each test makes a database of its own."""
    if BIN is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql, or `make test` as root")
    with Postgres() as running:
        yield running


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    """An empty one for each test, which may stop it."""
    if PROGRAM is None:
        pytest.skip("Redis is not installed: apt-get install redis-server, or `make test` as root")
    with RedisProcess() as running:
        yield running

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.databases.postgres import BIN, Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One for the session; each test makes a database of its own."""
    if BIN is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql, or `make test` as root")
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'conversations.sqlite'}"
    return request.getfixturevalue("postgres").make_database(f"test_{uuid4().hex}")

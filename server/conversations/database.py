"""The database of the settings: its address, its engine, its migrations."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.errors import ServiceError

TIMEOUT_S = 5.0
"""To connect, and for each statement."""

_OF_VALUES = {"22", "23", "54"}
"""Classes of SQLSTATE that Postgres answers with when a value is at fault (its manual, appendix A): data, integrity, limits."""
_MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 0x6C656374
"""Key of Postgres' advisory lock: of servers that start together, one migrates."""
_CACHE_KB = 256
"""What a connection keeps of SQLite's file: of itself 2 MB, each of the pool's, though one conversation is read at a time."""
_ALEMBIC = threading.Lock()
"""Alembic's context is one for the process: a second migration at the same time took the connection of the first."""


def open_engine(address: str, **options: Any) -> AsyncEngine:
    """An engine; nothing is connected to yet."""
    url = make_url(address)
    if url.get_backend_name() != "sqlite":
        return create_async_engine(_for_asyncpg(url), pool_pre_ping=True, connect_args=_postgres_options(), **options)
    engine = create_async_engine(url, connect_args={"timeout": TIMEOUT_S}, **options)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"cache_size=-{_CACHE_KB}"):
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
        cursor.close()

    return engine


def _for_asyncpg(url: URL) -> URL:
    """What libpq takes in an address, as asyncpg takes it: `sslmode` is `ssl`, and the rest it does not know."""
    ssl = url.query.get("sslmode") or url.query.get("ssl")
    return url.set(drivername="postgresql+asyncpg", query={"ssl": ssl} if ssl else {})


def _postgres_options() -> dict[str, Any]:
    """Works behind PgBouncer and Neon's pooler too, which share a session's prepared statements among clients."""
    return {
        "timeout": TIMEOUT_S,
        "command_timeout": TIMEOUT_S,
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"lectern_{uuid4().hex}",
        "server_settings": {"application_name": "lectern"},
    }


def migrate(address: str) -> None:
    """Bring the tables up to date; blocks, for a thread of its own. Raises `ServiceError`."""
    with translated(address), _ALEMBIC:
        url = make_url(address)
        if url.get_backend_name() != "sqlite":
            asyncio.run(_migrate_postgres(address))
            return
        engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool)
        with engine.begin() as connection:
            _upgrade(connection)


async def _migrate_postgres(address: str) -> None:
    engine = open_engine(address, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def translated(address: str) -> Generator[None]:
    """Every way a database fails, as a `ServiceError`: transient, but for a value that it will never take.

    asyncpg's own come from connecting, where SQLAlchemy wraps none; `ValueError` from what cannot be encoded.
    """
    failures: tuple[type[Exception], ...] = (SQLAlchemyError, CommandError, OSError, ValueError)
    if not address.startswith("sqlite"):
        from asyncpg import InterfaceError, PostgresError  # pyright: ignore[reportMissingTypeStubs]

        failures += (PostgresError, InterfaceError)
    try:
        yield
    except failures as exc:
        reason = str(getattr(exc, "orig", None) or exc).partition("\n")[0] or type(exc).__name__
        raise ServiceError(
            "database", f"The database of conversations failed: {reason}", transient=not _is_of_a_value(exc)
        ) from exc


def _is_of_a_value(exc: Exception) -> bool:
    """Whether what was to be written is at fault, whatever becomes of the database."""
    if isinstance(exc, (ValueError, DataError, IntegrityError)):
        return True
    return str(getattr(getattr(exc, "orig", None), "sqlstate", None) or "")[:2] in _OF_VALUES

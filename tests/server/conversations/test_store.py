from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.conversations.exchanges import Exchange, Rating
from server.conversations.store import ConversationStore, open_store
from shared.errors import ServiceError
from tests.conftest import REPOSITORY
from tests.support.fakes import make_source

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def make_exchange(n: int = 1, **changed: Any) -> Exchange:
    given: dict[str, Any] = {
        "conversation_id": "c", "message_id": f"m{n}", "question": f"Question {n}?", "answer": f"Answer {n} [1].",
        "sources": (make_source(),), "abstained": False, "finish_reason": "stop", "model": "extractive",
        "created_at": NOON + timedelta(minutes=n), "user_id": None,
    }  # fmt: skip
    return Exchange(**(given | changed))


@pytest.fixture
async def store(address: str) -> AsyncGenerator[ConversationStore]:
    opened = await open_store(address)
    yield opened
    await opened.aclose()


async def test_what_was_added_is_read_back_as_it_was(store: ConversationStore) -> None:
    exchanges = [make_exchange(n, user_id="reader", question="¿Qué? 机器人 🤖") for n in range(1, 6)]
    for exchange in exchanges:
        await store.add(exchange)
    assert await store.latest("c", 3) == exchanges[2:]
    assert await store.latest("other", 3) == []


async def test_what_postgres_refuses_is_left_out(store: ConversationStore) -> None:
    await store.add(make_exchange(question="a\0b", answer="half \ud83d of a pair"))
    (read,) = await store.latest("c", 1)
    assert (read.question, read.answer) == ("ab", "half ? of a pair")


async def test_an_exchange_added_twice_is_there_once(store: ConversationStore) -> None:
    for _ in range(2):
        await store.add(make_exchange())
    assert len(await store.latest("c", 3)) == 1


async def test_the_first_user_named_stays(store: ConversationStore) -> None:
    await store.add(make_exchange(1, user_id="first"))
    await store.add(make_exchange(2, user_id="second"))
    assert {exchange.user_id for exchange in await store.latest("c", 3)} == {"first"}


async def test_pages_are_whole_and_in_order(store: ConversationStore) -> None:
    for n in range(1, 8):
        await store.add(make_exchange(n, conversation_id="c" if n % 2 else "other"))
    first = await store.page("c", after=0, count=3)
    rest = await store.page("c", after=first[-1].n, count=3)
    assert [stored.exchange.message_id for stored in first + rest] == ["m1", "m3", "m5", "m7"]


async def test_the_last_rating_counts(store: ConversationStore) -> None:
    await store.add(make_exchange(1))
    await store.add(make_exchange(2))
    assert await store.rate(Rating(message_id="m1", rating="down", reason="No.", created_at=NOON))
    assert await store.rate(Rating(message_id="m1", rating="up", reason="Yes.", created_at=NOON))
    assert not await store.rate(Rating(message_id="nobody's", rating="up", reason="", created_at=NOON))
    assert [(each.rating, each.reason) for each in await store.page("c", after=0, count=5)] == [("up", "Yes."), (None, "")]
    assert [each.exchange.message_id async for each in store.everything(rated=True)] == ["m1"]


async def test_everything_is_everything(store: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.conversations.store.EXPORT_ROWS", 2)
    for n in range(1, 6):
        await store.add(make_exchange(n, conversation_id=f"c{n}"))
    assert [each.exchange.message_id async for each in store.everything()] == ["m1", "m2", "m3", "m4", "m5"]


async def test_a_conversation_that_is_forgotten_leaves_nothing(store: ConversationStore) -> None:
    await store.add(make_exchange(1))
    await store.add(make_exchange(2, conversation_id="other"))
    await store.rate(Rating(message_id="m1", rating="up", reason="", created_at=NOON))
    assert await store.forget("c")
    assert not await store.forget("c")
    assert [each.exchange.conversation_id async for each in store.everything()] == ["other"]
    assert [each async for each in store.everything(rated=True)] == []
    assert not await store.rate(Rating(message_id="m1", rating="up", reason="", created_at=NOON))


async def test_a_conversation_is_as_old_as_its_last_message(store: ConversationStore) -> None:
    await store.add(make_exchange(1))
    await store.add(make_exchange(2, conversation_id="other"))
    await store.add(make_exchange(5))
    assert await store.forget_before(NOON + timedelta(minutes=3)) == 1
    assert [each.exchange.message_id async for each in store.everything()] == ["m1", "m5"]


async def test_migrations_that_run_at_once_are_one(postgres: Any) -> None:
    address = postgres.make_database("at_once")
    stores = await asyncio.gather(*(open_store(address) for _ in range(4)))
    await stores[0].add(make_exchange())
    assert len(await stores[3].latest("c", 1)) == 1
    await asyncio.gather(*(store.aclose() for store in stores))


async def test_the_tables_are_those_of_the_migrations(address: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from server.conversations.database import migrate, open_engine
    from server.conversations.tables import Tables

    await asyncio.to_thread(migrate, address)
    await asyncio.to_thread(migrate, address)
    engine = open_engine(address)
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), Tables.metadata)
        )
    await engine.dispose()
    assert differences == []


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize("query", ["", "?sslmode=disable&channel_binding=disable", "?sslmode=prefer&connect_timeout=10"])
async def test_postgres_is_reached_however_its_address_is_written(postgres: Any, scheme: str, query: str) -> None:
    store = await open_store(postgres.address(scheme=scheme, query=query))
    assert await store.latest("nobody's", 1) == []
    await store.aclose()


async def test_neons_address_asks_for_an_encrypted_connection(postgres: Any) -> None:
    with pytest.raises(ServiceError, match=r"(?i)ssl"):
        await open_store(postgres.address(query="?sslmode=require&channel_binding=require"))


@pytest.mark.parametrize(
    "address", ["postgresql://lectern:hunter2@127.0.0.1:1/none", "sqlite+aiosqlite:////nowhere/at/all.sqlite"]
)
async def test_a_database_that_is_not_there_is_a_failure_of_a_service(address: str) -> None:
    with pytest.raises(ServiceError) as caught:
        await open_store(address)
    assert (caught.value.service, caught.value.transient) == ("database", True)
    assert "hunter2" not in str(caught.value)


OPEN_TOGETHER = """
import asyncio, sys
from server.conversations.store import open_store

async def open_all():
    stores = await asyncio.gather(*(open_store(f"sqlite+aiosqlite:///{sys.argv[1]}/{n % 3}.sqlite") for n in range(12)))
    for store in stores:
        await store.aclose()

sys.setswitchinterval(1e-6)
asyncio.run(open_all())
"""


async def test_stores_open_side_by_side(tmp_path: Path) -> None:
    """As the books of a service open theirs; Alembic's own context is one for the process, and two in it ended the process."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN_TOGETHER, str(tmp_path), cwd=REPOSITORY)
    assert await process.wait() == 0

"""Conversations in a database: every statement there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Delete, Row, Select, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from server.conversations.database import migrate, open_engine, translated
from server.conversations.exchanges import Exchange, Rating, StoredExchange
from server.conversations.questions_asked import AskedQuestion
from server.conversations.tables import ConversationRow, FeedbackRow, MessageRow, QuestionRow

EXPORT_ROWS = 200


class ConversationStore:
    """Reads and writes conversations; every method raises `ServiceError` where the database fails."""

    def __init__(self, address: str, engine: AsyncEngine) -> None:
        """Of an engine whose tables are there: `open_store`."""
        self._address = address
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def add(self, exchange: Exchange) -> None:
        """Keep an exchange; twice is once."""
        at = exchange.created_at
        conversation = self._insert(ConversationRow).values(
            id=exchange.conversation_id, user_id=exchange.user_id, created_at=at, updated_at=at
        )
        values = exchange.model_dump(mode="json", exclude={"user_id", "created_at"}) | {"created_at": at}
        message = self._insert(MessageRow).values(values).on_conflict_do_nothing(index_elements=["message_id"])
        with translated(self._address):
            async with self._engine.begin() as connection:
                touched = conversation.on_conflict_do_update(index_elements=["id"], set_={"updated_at": at})
                await connection.execute(touched)
                await connection.execute(message)
                if exchange.asked is not None:
                    await connection.execute(self._question(exchange.message_id, exchange.asked))

    async def rate(self, rating: Rating) -> bool:
        """Keep what a reader thinks of an answer, instead of what they thought before; False: no such answer."""
        values = rating.model_dump()
        changed = {name: values[name] for name in ("rating", "reason", "created_at")}
        with translated(self._address):
            async with self._engine.begin() as connection:
                known = select(MessageRow.n).where(MessageRow.message_id == rating.message_id)
                if (await connection.execute(known)).first() is None:
                    return False
                mine = QuestionRow.message_id == rating.message_id
                await connection.execute(update(QuestionRow).where(mine).values(rating=rating.rating))
                insert = self._insert(FeedbackRow).values(values)
                await connection.execute(insert.on_conflict_do_update(index_elements=["message_id"], set_=changed))
        return True

    async def latest(self, conversation_id: str, count: int) -> list[Exchange]:
        """The last exchanges of a conversation, oldest first."""
        newest = _all().where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.n.desc()).limit(count)
        return [stored.exchange for stored in reversed(await self._read(newest))]

    async def page(self, conversation_id: str, *, after: int, count: int) -> list[StoredExchange]:
        """Exchanges of a conversation after the `after`th, oldest first."""
        mine = _all().where(MessageRow.conversation_id == conversation_id, MessageRow.n > after)
        return await self._read(mine.order_by(MessageRow.n).limit(count))

    async def everything(self, *, rated: bool = False) -> AsyncGenerator[StoredExchange]:
        """All exchanges of all conversations, or those that were rated; oldest first, a few at a time."""
        after = 0
        while True:
            rows = _all().where(MessageRow.n > after).order_by(MessageRow.n).limit(EXPORT_ROWS)
            found = await self._read(rows.where(FeedbackRow.rating.is_not(None)) if rated else rows)
            for stored in found:
                yield stored
            if len(found) < EXPORT_ROWS:
                return
            after = found[-1].n

    async def questions(self, since: datetime, most: int) -> list[AskedQuestion]:
        """The questions kept for insights since then, newest first, `most` at most."""
        columns = [getattr(QuestionRow, name) for name in AskedQuestion.model_fields]
        rows = select(*columns).where(QuestionRow.created_at >= since).order_by(QuestionRow.n.desc()).limit(most)
        with translated(self._address):
            async with self._engine.connect() as connection:
                found = (await connection.execute(rows)).mappings().all()
        return [AskedQuestion(**{**row, "created_at": row["created_at"].replace(tzinfo=UTC)}) for row in found]

    async def forget(self, conversation_id: str) -> bool:
        """Delete a conversation with all it holds, and its questions wherever they are kept; False: there is none."""
        asked = select(MessageRow.message_id).where(MessageRow.conversation_id == conversation_id)
        with translated(self._address):
            async with self._engine.begin() as connection:
                await connection.execute(delete(QuestionRow).where(QuestionRow.message_id.in_(asked)))
                mine = delete(ConversationRow).where(ConversationRow.id == conversation_id)
                return (await connection.execute(mine)).rowcount > 0

    async def forget_before(self, moment: datetime) -> int:
        """Delete the conversations whose last message is older; how many."""
        return await self._delete(delete(ConversationRow).where(ConversationRow.updated_at < moment))

    async def forget_questions_before(self, moment: datetime) -> int:
        """Delete what is kept for insights and is older; how many."""
        return await self._delete(delete(QuestionRow).where(QuestionRow.created_at < moment))

    async def ping(self) -> None:
        """Return when the database answers."""
        with translated(self._address):
            async with self._engine.connect() as connection:
                await connection.execute(select(1))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    def _question(self, message_id: str, asked: AskedQuestion) -> Any:
        values = asked.model_dump(mode="json") | {"message_id": message_id, "created_at": asked.created_at}
        return self._insert(QuestionRow).values(values).on_conflict_do_nothing(index_elements=["message_id"])

    async def _delete(self, statement: Delete) -> int:
        with translated(self._address):
            async with self._engine.begin() as connection:
                return (await connection.execute(statement)).rowcount

    async def _read(self, rows: Select[Any]) -> list[StoredExchange]:
        with translated(self._address):
            async with self._engine.connect() as connection:
                return _stored((await connection.execute(rows)).all())


def _all() -> Select[Any]:
    columns = [getattr(MessageRow, name) for name in Exchange.model_fields if name not in {"user_id", "asked"}]
    return (
        select(MessageRow.n, ConversationRow.user_id, FeedbackRow.rating, FeedbackRow.reason, *columns)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .outerjoin(FeedbackRow, FeedbackRow.message_id == MessageRow.message_id)
    )


def _stored(rows: Sequence[Row[Any]]) -> list[StoredExchange]:
    found: list[StoredExchange] = []
    for row in rows:
        values = cast("dict[str, Any]", dict(row._mapping))  # pyright: ignore[reportPrivateUsage]  it is documented
        n, rating, reason = values.pop("n"), values.pop("rating"), values.pop("reason")
        values["created_at"] = values["created_at"].replace(tzinfo=UTC)  # SQLite keeps no zone; what we write is UTC
        found.append(StoredExchange(n=n, exchange=Exchange(**values), rating=rating, reason=reason or ""))
    return found


async def open_store(address: str) -> ConversationStore:
    """The store at an address of SQLAlchemy's, its tables up to date. Raises `ServiceError`."""
    await asyncio.to_thread(migrate, address)
    return ConversationStore(address, open_engine(address))

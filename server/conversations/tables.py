"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_CHARS = 128
_COUNTER = BigInteger().with_variant(Integer, "sqlite")


class Tables(DeclarativeBase):
    """All of them."""


class ConversationRow(Tables):
    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    user_id: Mapped[str | None] = mapped_column(String(ID_CHARS))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class MessageRow(Tables):
    __tablename__ = "messages"

    n: Mapped[int] = mapped_column(_COUNTER, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(String(ID_CHARS), unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    sources: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    abstained: Mapped[bool]
    finish_reason: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(ID_CHARS))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class FeedbackRow(Tables):
    __tablename__ = "feedback"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.message_id", ondelete="CASCADE"), primary_key=True)
    rating: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class QuestionRow(Tables):
    __tablename__ = "questions"

    n: Mapped[int] = mapped_column(_COUNTER, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(String(ID_CHARS), unique=True)
    question: Mapped[str] = mapped_column(Text)
    abstained: Mapped[bool]
    answerable: Mapped[bool]
    cited: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    nearest: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    rating: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)

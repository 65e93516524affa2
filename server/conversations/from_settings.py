"""Where conversations are kept, as the settings say."""

from __future__ import annotations

from server.conversations.memory import ConversationMemory
from shared.checks import NO_DATABASE
from shared.settings import Settings


def database_address(settings: Settings) -> str | None:
    """Where the settings keep conversations, as SQLAlchemy says it; None: nowhere."""
    given = settings.database_url
    if given is None:
        return f"sqlite+aiosqlite:///{(settings.data_dir / 'conversations.sqlite').absolute()}"
    address = given.get_secret_value()
    return None if address == NO_DATABASE else address


def open_conversations(settings: Settings) -> ConversationMemory:
    """What the settings keep; nothing is connected to yet."""
    address = database_address(settings)
    return ConversationMemory(address, days=settings.history_days, question_days=settings.keep_questions)

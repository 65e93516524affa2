"""What a reader asks, before any dialect."""

from __future__ import annotations

from typing import Literal

from shared.models import Frozen

EXCHANGES = 3
"""The last questions with their answers that go before a model."""
RECALLED = 8
"""Questions with their answers among which what a follow-up is about is looked for."""


class Turn(Frozen):
    """One earlier entry of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class ChatRequest(Frozen):
    """A question, in our own words; `http/requests.py` makes it from every field name a known widget sends."""

    question: str
    history: tuple[Turn, ...] = ()
    session_id: str | None = None
    user_id: str | None = None
    """Who the front end says asks: kept with the conversation, never trusted."""
    selected_text: str | None = None
    surrounding_context: str | None = None
    page_url: str | None = None
    k: int = 5
    """Passages to answer from, 1 to 20."""

"""The shapes of what is remembered, as `/openapi.json` says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from server.answering.events import CitedSource
from server.http.requests import MAX_ID_CHARS, MAX_QUESTION_CHARS

PAGE = 20
MAX_PAGE = 100
"""Messages of one answer."""


class ConversationMessage(BaseModel):
    """One question and its answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message_id: str
    question: str
    answer: str
    sources: list[CitedSource]
    """Those cited."""
    abstained: bool
    finish_reason: Literal["stop", "length", "error", "reader_left"]
    """`error`, `reader_left`: the answer is as long as it was when it ended."""
    model: str
    created_at: datetime
    rating: Literal["up", "down"] | None
    reason: str


class PageParameters(BaseModel):
    """Which page of a conversation."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    limit: int = Field(default=PAGE, ge=1, le=MAX_PAGE)
    """Messages wanted."""
    after: int = Field(default=0, ge=0)
    """The `next` of the page before."""


class Conversation(BaseModel):
    """A page of a conversation."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    conversation_id: str
    messages: list[ConversationMessage]
    """Oldest first."""
    next: int | None
    """`after` of the next page; null: this is the last."""


_UP = frozenset({"up", "thumbs_up", "thumbs-up", "thumbsup", "positive", "like", "good", "helpful", "1", "true"})
_DOWN = frozenset({"down", "thumbs_down", "thumbs-down", "thumbsdown", "negative", "dislike", "bad", "-1", "0", "false"})


def _thumb(value: object) -> object:
    """`up` or `down`, however a front end says it."""
    said = str(value).lower()
    return "up" if said in _UP else "down" if said in _DOWN else value


class FeedbackBody(BaseModel):
    """What a reader thinks of an answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message_id: str = Field(max_length=MAX_ID_CHARS)
    """Of the answer, as its `start` or its JSON says."""
    rating: Annotated[Literal["up", "down"], BeforeValidator(_thumb)]
    """`up` or `down`; also `thumbs_up`, 1, true and their contraries."""
    reason: str | None = Field(default=None, max_length=MAX_QUESTION_CHARS)
    """Why, in their own words."""


class FeedbackStored(BaseModel):
    """What was kept."""

    message_id: str
    rating: Literal["up", "down"]


class Forgotten(BaseModel):
    """The conversation that was deleted."""

    conversation_id: str

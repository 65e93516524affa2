"""The shapes of what is remembered, as `/openapi.json` says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from server.answering.events import CitedSource
from server.http import names
from server.http.names import Fields
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


_UP = frozenset(
    {"up", "thumbsup", "thumbup", "upvote", "positive", "like", "liked", "good", "helpful", "yes", "1", "true", "👍"}
)
_DOWN = frozenset(
    {"down", "thumbsdown", "thumbdown", "downvote", "negative", "dislike", "disliked", "bad", "unhelpful", "nothelpful", "no",
     "0", "false", "👎"}
)  # fmt: skip


def _thumb(value: object) -> object:
    """`up` or `down`, however a front end says it."""
    said = names.fold(str(value)) if value != -1 else "down"
    return "up" if said in _UP else "down" if said in _DOWN else value


class FeedbackBody(BaseModel):
    """What a reader thinks of an answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message_id: str = Field(max_length=MAX_ID_CHARS)
    """Of the answer, as its `start` or its JSON says."""
    rating: Annotated[Literal["up", "down"], BeforeValidator(_thumb)]
    """`up` or `down`; also `thumbs_up`, `like`, 1, true and their contraries; also `thumbs`, `vote`, `helpful`, `feedback`."""
    reason: str | None = Field(default=None, max_length=MAX_QUESTION_CHARS)
    """Why, in their own words; also `comment`."""

    @model_validator(mode="before")
    @classmethod
    def read_names(cls, body: dict[str, Any]) -> dict[str, Any]:
        """The three fields, whatever a front end calls them."""
        fields = Fields(body)
        message = [value for _, value in fields.given(*names.MESSAGE)]
        ratings = list(fields.given(*names.RATING))
        reasons = [value for name, value in fields.given(*names.REASON) if name != ratings[0][0]] if ratings else []
        found = {"message_id": message, "rating": [value for _, value in ratings], "reason": reasons}
        return {name: values[0] for name, values in found.items() if values}


class FeedbackStored(BaseModel):
    """What was kept."""

    message_id: str
    rating: Literal["up", "down"]


class Forgotten(BaseModel):
    """The conversation that was deleted."""

    conversation_id: str

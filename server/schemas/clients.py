"""The shapes of other clients' bodies and answers, OpenAI's and the AI SDK's, as `/openapi.json` says them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from server.answering.events import CitedSource
from server.schemas.book_api import Entry


class StreamOptions(BaseModel):
    """What a stream also says."""

    include_usage: bool = False


class CompletionBody(BaseModel):
    """A question as OpenAI's clients send it; whatever else they send is ignored."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    messages: list[Entry]
    """The conversation, the question last."""
    model: str = "lectern"
    """Any name."""
    stream: bool = False
    stream_options: StreamOptions | None = None


class Message(BaseModel):
    """What the model says."""

    role: Literal["assistant"]
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0]
    message: Message
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class TokensUsed(BaseModel):
    """What the answer took; nothing where no model upstream was asked."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """OpenAI's `chat.completion`, with what the book adds."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: TokensUsed
    sources: list[CitedSource]
    session_id: str
    cited: list[int]
    abstained: bool
    cached: Literal[True] | None = None
    """Given where the answer is given again."""


class Model(BaseModel):
    """A name to put into `model`."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """Every model there is."""

    object: Literal["list"]
    data: list[Model]


class UIMessage(BaseModel):
    """One message of the AI SDK."""

    id: str
    role: Literal["user", "assistant", "system"]
    parts: list[dict[str, Any]]


class UIChatBody(BaseModel):
    """A question as `useChat` sends it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """The chat's; it is the session where no `session_id` is sent."""
    messages: list[UIMessage]
    """The conversation, the question last."""

"""The models that write answers: the port, and which one the settings mean."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from server.finding.passages import Passages
from server.models.prompts import ChatMessage, Room
from server.questions import ChatRequest
from shared.pricing import price_usd

ANSWER_TOKENS = 1500
"""Most tokens of an answer: three times what a long one has."""
THINKING_TOKENS = 4000
"""What a reasoning model may take on top of that."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The model took the request: from here on it costs."""

    prompt_tokens: int
    """Counted here; the model's own count comes with `Finished`."""
    prompt: Sequence[ChatMessage] = field(default=(), compare=False, repr=False)
    """What it was sent."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The model ended its answer itself; always the last output."""

    reason: Literal["stop", "length", "content_filter"]
    prompt_tokens: int | None = None
    """None, both: the model did not say."""
    completion_tokens: int | None = None


Output = Accepted | str | Finished
"""What an answer is made of: `Accepted` once or not at all, deltas of text that are not empty, and `Finished`."""


class ChatModel(Protocol):
    """A model that answers a question from passages, citing them as [n]."""

    @property
    def name(self) -> str: ...

    def answer(self, request: ChatRequest, passages: Passages) -> AsyncGenerator[Output]:
        """The answer as it is written. Raises `ServiceError`, before or between deltas; ends without `Finished` only so.

        Closing it closes the request upstream.
        """
        ...

    async def ping(self) -> None:
        """Return when the model can be asked; raise `ServiceError` when it cannot."""
        ...

    async def aclose(self) -> None: ...


class QuotingModel(ChatModel, Protocol):
    """A chat model that quotes: it never fails, and can say beforehand what it will cite."""

    def arrange(self, request: ChatRequest, passages: Passages) -> Passages:
        """The passages numbered in the order it cites them, each at the section it quotes."""
        ...


def is_reasoning(model: str) -> bool:
    """OpenAI's reasoning models take no temperature and no `max_tokens`, and think within the answer's tokens."""
    return bool(re.match(r"o\d|gpt-5", model))


def most_usd(model: str) -> float:
    """The most that one answer of `model` can cost; 0 where its price is not known."""
    return most_cost(model)[0]


def most_cost(model: str) -> tuple[float, int]:
    """The most that one answer of `model` can cost in dollars, 0 where its price is not known, and in tokens."""
    completion_tokens = ANSWER_TOKENS + (THINKING_TOKENS if is_reasoning(model) else 0)
    return price_usd(model, Room().total, completion_tokens) or 0.0, Room().total + completion_tokens

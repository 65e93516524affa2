"""The models that write answers: the port, and which one the settings mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from server.chat import ChatRequest, Passages
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Accepted:
    """The model took the request: from here on it costs."""

    prompt_tokens: int
    """Counted here; the model's own count comes with `Finished`."""


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


def open_chat_model(settings: Settings, *, count: Callable[[str], int]) -> ChatModel:
    """The model of the settings: without OPENAI_API_KEY, the one that quotes. Nothing is connected to yet."""
    if settings.openai_api_key is None:
        from server.extractive import open_extractive

        return open_extractive(settings)
    from server.openai_chat import OpenAIChat  # the SDK is 50 MB nobody needs without a key

    return OpenAIChat(name=settings.chat_model, base_url=settings.openai_base_url, api_key=settings.openai_api_key, count=count)

"""Small requests to the chat model beside the answer itself, such as making a follow-up question whole: soon or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from server.finding.query.follow_up import Rewrite
from server.models.budget import Budget
from server.models.prompts import ChatMessage
from server.questions import EXCHANGES, Turn
from shared.errors import ServiceError
from shared.pricing import price_usd

TIMEOUT_S = 4.0
"""A reader is waiting for the first word, and there is always a way without the model."""
TURN_CHARS = 600
"""Of each turn shown to the model."""
_RULES = (
    "Rewrite the reader's last question so that it can be understood without the conversation: replace what points back with "
    "what is meant. Keep its language and its meaning, add nothing, do not answer it. Reply with the question alone."
)

Complete = Callable[[Sequence[ChatMessage]], Awaitable[str]]
"""What a chat model says to messages. Raises `ServiceError`."""


@runtime_checkable
class CompletingModel(Protocol):
    """A chat model that also completes messages that are no question to the book."""

    @property
    def name(self) -> str: ...

    async def complete(self, messages: Sequence[ChatMessage]) -> str: ...


@dataclass(frozen=True, slots=True)
class BoundedCompletions:
    """Completions within a time limit and the day's budget."""

    model: CompletingModel
    count: Callable[[str], int]
    """Tokens of a text."""
    budget: Budget

    async def complete(self, messages: Sequence[ChatMessage]) -> str:
        """What the model says to `messages`. Raises `ServiceError`, also when it is late or the day's money is spent."""
        if self.budget.is_spent:
            raise ServiceError("openai", "The day's budget is spent.", transient=True, code="budget_spent")
        said = ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                said = await self.model.complete(messages)
        except TimeoutError as exc:
            raise ServiceError("openai", f"No reply within {TIMEOUT_S:g} s.", transient=True, code="timeout") from exc
        finally:
            prompt, completion = sum(self.count(message["content"]) for message in messages), self.count(said)
            cost_usd = price_usd(self.model.name, prompt, completion)
            self.budget.pay(self.model.name, cost_usd, prompt=prompt, completion=completion)
        return said


def rewriting(complete: Complete) -> Rewrite:
    """A rewrite by the model behind `complete`, shown the last exchanges."""

    async def rewrite(question: str, history: Sequence[Turn]) -> str:
        said = [f"{turn.role}: {turn.content[:TURN_CHARS]}" for turn in history[-2 * EXCHANGES :]]
        talk = "\n".join([*said, f"last question: {question}"])
        query = await complete([ChatMessage(role="system", content=_RULES), ChatMessage(role="user", content=talk)])
        return query.strip().strip("\"'“”").removeprefix("last question:").strip()

    return rewrite

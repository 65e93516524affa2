"""Small requests to the chat model beside the answer itself, such as making a follow-up question whole: soon or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from server.budget import Budget
from server.prompts import Message
from shared.errors import ServiceError
from shared.pricing import price_usd

TIMEOUT_S = 4.0
"""A reader is waiting for the first word, and there is always a way without the model."""


@runtime_checkable
class Completing(Protocol):
    """A chat model that also completes messages that are no question to the book."""

    @property
    def name(self) -> str: ...

    async def complete(self, messages: Sequence[Message]) -> str: ...


@dataclass(frozen=True, slots=True)
class SideRequests:
    """Completions within a time limit and the day's budget."""

    model: Completing
    count: Callable[[str], int]
    """Tokens of a text."""
    budget: Budget

    async def complete(self, messages: Sequence[Message]) -> str:
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

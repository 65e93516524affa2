from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from server.models import rewriting as side_requests
from server.models.budget import Budget
from server.models.prompts import ChatMessage
from server.models.rewriting import BoundedCompletions
from shared.errors import ServiceError

MESSAGES = [ChatMessage(role="user", content="one two three")]


class Model:
    """Says "four five", or nothing for ever."""

    name = "gpt-4o-mini"

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs

    async def complete(self, messages: Sequence[ChatMessage]) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        return "four five"


def count(text: str) -> int:
    return len(text.split()) * 1_000_000


async def test_what_the_model_says_is_paid_for() -> None:
    budget = Budget(100.0)
    assert await BoundedCompletions(Model(), count, budget).complete(MESSAGES) == "four five"
    assert budget.spent_usd == pytest.approx(3 * 0.15 + 2 * 0.60)


async def test_a_model_that_is_late_is_done_without_and_its_prompt_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_requests, "TIMEOUT_S", 0.01)
    budget = Budget(100.0)
    with pytest.raises(ServiceError) as failed:
        await BoundedCompletions(Model(hangs=True), count, budget).complete(MESSAGES)
    assert (failed.value.transient, failed.value.code) == (True, "timeout")
    assert budget.spent_usd == pytest.approx(3 * 0.15)


async def test_when_the_money_is_spent_nothing_is_asked() -> None:
    budget = Budget(0.1)
    budget.pay("m", 0.1)
    with pytest.raises(ServiceError) as refused:
        await BoundedCompletions(Model(hangs=True), count, budget).complete(MESSAGES)
    assert refused.value.code == "budget_spent"

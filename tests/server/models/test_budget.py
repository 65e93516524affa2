from __future__ import annotations

from datetime import date

import pytest

from server.metrics import Metrics
from server.models.budget import Budget
from server.models.chat_model import most_usd


def test_the_budget_is_the_days() -> None:
    today = [date(2025, 1, 1)]
    budget = Budget(0.05, today=lambda: today[0])
    budget.pay("m", 0.03)
    budget.pay("m", None)
    assert not budget.is_spent
    budget.pay("m", 0.02)
    assert budget.is_spent
    today[0] = date(2025, 1, 2)
    assert not budget.is_spent
    assert budget.spent_usd == 0


def test_a_cap_of_zero_is_no_cap() -> None:
    budget = Budget(0.0)
    budget.pay("m", 1000.0)
    with budget.hold(1.0) as may_spend:
        assert may_spend
    assert not budget.is_spent


def test_answers_begun_at_the_same_instant_cannot_all_spend_the_same_money() -> None:
    budget = Budget(0.10)
    with budget.hold(0.06) as first, budget.hold(0.06) as second, budget.hold(0.06) as third:
        assert (first, second, third) == (True, True, False)
        assert budget.spent_usd == 0
    assert not budget.is_spent


def test_what_was_held_is_free_again_also_after_a_failure() -> None:
    budget = Budget(0.05)
    with pytest.raises(RuntimeError), budget.hold(0.06):
        raise RuntimeError
    assert not budget.is_spent


def test_tokens_and_dollars_are_counted_by_model_for_good() -> None:
    metrics, today = Metrics(), [date(2025, 1, 1)]
    budget = Budget(0.0, metrics=metrics, today=lambda: today[0])
    budget.pay("a", 0.5, prompt=10, completion=2)
    today[0] = date(2025, 1, 2)
    budget.pay("a", 0.25, prompt=5, completion=1)
    budget.pay("b", None, embedding=7)
    value = metrics.registry.get_sample_value
    assert value("lectern_cost_usd_total", {"model": "a"}) == 0.75
    assert value("lectern_cost_usd_total", {"model": "b"}) == 0
    assert value("lectern_tokens_total", {"model": "a", "kind": "prompt"}) == 15
    assert value("lectern_tokens_total", {"model": "b", "kind": "embedding"}) == 7


def test_the_most_an_answer_can_cost_is_a_full_prompt_and_the_longest_answer() -> None:
    assert most_usd("gpt-4o-mini") == pytest.approx((8000 * 0.15 + 1500 * 0.60) / 1e6)
    assert most_usd("o3") == pytest.approx((8000 * 2.00 + 5500 * 8.00) / 1e6)
    assert most_usd("a-model-of-ones-own") == 0

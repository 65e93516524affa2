from __future__ import annotations

import contextvars
from collections.abc import Iterator
from datetime import date

import pytest

from server.metrics import Metrics
from server.models import budget as budgets
from server.models.budget import EVERYONE, Budget, spender
from server.models.chat_model import most_cost, most_usd
from server.redis_server import RedisServer
from tests.support.databases.redis import PROGRAM, RedisProcess
from tests.support.live_server import until


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


def spent_by(budget: Budget, who: str, usd: float = 0.0, **tokens: int) -> bool:
    """Whether the budget is spent for a reader who has just bought something."""

    def buy() -> bool:
        spender.set(who)
        if usd or tokens:
            budget.pay("m", usd, **tokens)
        return budget.is_spent

    return contextvars.copy_context().run(buy)


def test_a_reader_has_a_share_of_the_days_money_and_leaves_the_rest_to_others() -> None:
    budget = Budget(1.0, share=0.2)
    assert not spent_by(budget, "a", 0.19)
    assert spent_by(budget, "a", 0.01)
    assert not spent_by(budget, "b")
    assert not spent_by(budget, EVERYONE, 0.5)
    assert spent_by(budget, "b", 0.2)
    assert not spent_by(budget, "c")
    assert not spent_by(budget, EVERYONE)
    assert spent_by(budget, "c", 0.11)
    assert spent_by(budget, EVERYONE)
    assert budget.spent_usd == pytest.approx(1.01)


def test_what_a_reader_has_on_the_way_counts_in_their_share() -> None:
    budget = Budget(1.0, share=0.2)

    def ask() -> None:
        spender.set("a")
        with budget.hold(0.15) as first, budget.hold(0.15) as second, budget.hold(0.15) as third:
            assert (first, second, third) == (True, True, False)
            assert not spent_by(budget, "b")
        assert not budget.is_spent

    contextvars.copy_context().run(ask)


def test_tokens_are_a_budget_where_no_price_is_known() -> None:
    budget = Budget(0.0, cap_tokens=100, share=0.5)
    assert not spent_by(budget, "a", 0.0, prompt=40, completion=9)
    assert spent_by(budget, "a", 0.0, embedding=1)
    assert not spent_by(budget, "b")
    assert spent_by(budget, "b", 0.0, prompt=50)
    assert spent_by(budget, EVERYONE)
    assert most_cost("a-model-of-ones-own") == (0.0, 9500)


def test_readers_who_spent_little_are_forgotten_before_the_memory_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MOST_SPENDERS", 100)
    budget = Budget(1000.0, share=0.01)
    assert spent_by(budget, "much", 20.0)
    for number in range(1000):
        spent_by(budget, f"little-{number}", 0.001)
    assert spent_by(budget, "much")
    assert budget.spent_usd == pytest.approx(21.0)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    if PROGRAM is None:
        pytest.skip("redis-server is not installed")
    with RedisProcess() as process:
        yield process


async def test_processes_share_a_budget_in_redis(redis: RedisProcess) -> None:
    servers = [RedisServer(redis.url, retry_s=0.0) for _ in range(2)]
    one, other = (Budget(1.0, share=0.5, redis=server, name="shared") for server in servers)
    assert spent_by(one, "a", 0.6)
    await one.aclose()
    with other.hold(0.0):
        pass
    await other.aclose()
    assert (other.spent_usd, other.is_spent) == (pytest.approx(0.6), False)
    spent_by(other, "a", 0.1, prompt=5)
    await until(lambda: spent_by(other, "a"))
    spent_by(other, "b", 0.3)
    await other.aclose()
    assert other.is_spent
    another_day = Budget(1.0, redis=servers[0], name="shared", today=lambda: date(2025, 1, 1))
    with another_day.hold(0.0):
        pass
    await another_day.aclose()
    assert another_day.spent_usd == 0
    for server in servers:
        await server.aclose()


async def test_without_redis_each_goes_on_and_tells_it_later(redis: RedisProcess) -> None:
    server = RedisServer(redis.url, retry_s=0.0)
    budget, other = (Budget(1.0, redis=server, name="away") for _ in range(2))
    redis.stop()
    budget.pay("m", 0.4)
    await budget.aclose()
    budget.pay("m", 0.3)
    await budget.aclose()
    assert budget.spent_usd == pytest.approx(0.7)
    redis.start()
    budget.pay("m", 0.1)
    await budget.aclose()
    with other.hold(0.0):
        pass
    await other.aclose()
    assert (budget.spent_usd, other.spent_usd) == (pytest.approx(0.8), pytest.approx(0.8))
    await server.aclose()

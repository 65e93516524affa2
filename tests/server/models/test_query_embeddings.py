from __future__ import annotations

import asyncio

import pytest

from server.models import query_embeddings
from server.models.budget import Budget
from server.models.query_embeddings import QueryEmbeddings
from shared.errors import ServiceError
from tests.support.live_server import until
from tests.support.small_book import Concepts


class Priced(Concepts):
    """A model whose price is known: $0.02 for a million tokens."""

    name = "text-embedding-3-small"


def count(text: str) -> int:
    return len(text.split()) * 1_000_000


async def test_a_question_asked_again_is_not_sent_or_paid_again() -> None:
    model, budget = Concepts(["robot"]), Budget(1.0)
    queries = QueryEmbeddings(model, count, budget)
    first = await queries.embed_query("robot walks")
    first[0] = 99.0
    assert await queries.embed_query("robot walks") == pytest.approx(await model.embed_query("robot walks"))
    assert model.asked == ["robot walks"] * 2
    assert (queries.name, queries.dimensions) == (model.name, 2)


async def test_only_so_many_questions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_embeddings, "CACHED_QUERIES", 2)
    model = Concepts()
    queries = QueryEmbeddings(model, count, Budget(1.0))
    for text in ("a", "b", "a", "c", "a", "b"):
        await queries.embed_query(text)
    assert model.asked == ["a", "b", "c", "b"]


async def test_questions_are_paid_for_and_once_the_money_is_spent_only_known_ones_have_vectors() -> None:
    budget = Budget(0.05)
    queries = QueryEmbeddings(Priced(), count, budget)
    await queries.embed_query("one two three")
    assert budget.spent_usd == pytest.approx(0.06)
    await queries.embed_query("one two three")
    with pytest.raises(ServiceError) as refused:
        await queries.embed_query("four")
    assert refused.value.code == "budget_spent"
    assert budget.spent_usd == pytest.approx(0.06)


async def test_a_question_that_failed_costs_nothing() -> None:
    budget = Budget(1.0)
    queries = QueryEmbeddings(Priced(is_away=True), count, budget)
    with pytest.raises(ServiceError):
        await queries.embed_query("one")
    assert budget.spent_usd == 0
    await queries.aclose()


class Unwell(Priced):
    """Fails as it is told to, and is probed."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: ServiceError | None = None
        self.pings = 0
        self.probed = asyncio.Event()

    async def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        if self.failure:
            raise self.failure
        return self._embed(text)

    async def ping(self) -> None:
        self.pings += 1
        self.probed.set()
        if self.failure:
            raise self.failure


async def test_a_model_that_is_away_is_asked_once_and_then_probed_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_embeddings, "FIRST_PROBE_S", 0.0)
    model = Unwell()
    queries = QueryEmbeddings(model, count, Budget(0))
    await queries.embed_query("known")
    model.failure = ServiceError("embeddings", "It does not answer.", transient=True, code="timeout")
    for _ in range(5):
        with pytest.raises(ServiceError):
            await queries.embed_query("new")
    assert await queries.embed_query("known")
    assert model.asked == ["known", "new"]
    await model.probed.wait()
    assert queries.is_away
    model.failure = None
    await until(lambda: not queries.is_away)
    assert await queries.embed_query("new")
    assert model.pings >= 2
    await queries.aclose()


async def test_a_question_the_model_will_not_take_keeps_it_from_no_other() -> None:
    model = Unwell()
    queries = QueryEmbeddings(model, count, Budget(0))
    model.failure = ServiceError("embeddings", "It refuses this text.", transient=False, code="400")
    with pytest.raises(ServiceError):
        await queries.embed_query("strange")
    model.failure = None
    assert await queries.embed_query("plain")


async def test_closing_ends_the_probing() -> None:
    model = Unwell()
    model.failure = ServiceError("embeddings", "It does not answer.", transient=True)
    queries = QueryEmbeddings(model, count, Budget(0))
    with pytest.raises(ServiceError):
        await queries.embed_query("new")
    await queries.aclose()
    assert not queries.is_away

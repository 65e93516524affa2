"""Vectors of questions: the same question once, and within the day's budget."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

from server.models.budget import Budget
from shared.embedding.model import EmbeddingModel
from shared.errors import ServiceError
from shared.pricing import price_usd

CACHED_QUERIES = 256
"""Vectors of recent questions kept: 1.5 MB at 1,536 dimensions."""


class QueryEmbeddings:
    """An `EmbeddingModel` whose questions are paid for by `budget`; a search costs little, a flood of them does not."""

    def __init__(self, model: EmbeddingModel, count: Callable[[str], int], budget: Budget) -> None:
        """`count`: tokens of a text."""
        self._model = model
        self._count = count
        self._budget = budget
        self._known: OrderedDict[str, array[float]] = OrderedDict()

    @property
    def name(self) -> str:
        """See `EmbeddingModel`."""
        return self._model.name

    @property
    def dimensions(self) -> int:
        """See `EmbeddingModel`."""
        return self._model.dimensions

    async def embed_query(self, text: str) -> list[float]:
        """See `EmbeddingModel`; raises `ServiceError` too when the day's money is spent and the question is a new one."""
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text].tolist()
        if self._budget.is_spent:
            raise ServiceError("embeddings", "The day's budget is spent.", transient=True, code="budget_spent")
        vector = array("f", await self._model.embed_query(text))
        tokens = self._count(text)
        self._budget.pay(self.name, price_usd(self.name, tokens), embedding=tokens)
        self._known[text] = vector
        if len(self._known) > CACHED_QUERIES:
            self._known.popitem(last=False)
        return vector.tolist()

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """See `EmbeddingModel`."""
        return await self._model.embed_documents(texts)

    async def ping(self) -> None:
        """See `EmbeddingModel`; one word a minute at most, which is not counted."""
        await self._model.ping()

    async def aclose(self) -> None:
        """See `EmbeddingModel`."""
        await self._model.aclose()

"""Vectors of questions: the same question once, within the day's budget, and not from a model that is known to be away."""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog

from server.models.budget import Budget
from shared.embedding.model import EmbeddingModel
from shared.errors import ServiceError
from shared.pricing import price_usd

CACHED_QUERIES = 256
"""Vectors of recent questions kept: 1.5 MB at 1,536 dimensions."""
FIRST_PROBE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After a failure the model is asked for a vector nobody waits for, so often at first and then half as often each time."""

log = structlog.get_logger(__name__)


class QueryEmbeddings:
    """An `EmbeddingModel` whose questions are paid for by `budget`; a search costs little, a flood of them does not.

    When it fails in a way that may pass, the questions after that do not wait for it, until a probe in the background succeeds:
    one that hangs would cost each of them two time-outs. A question it will not take says nothing about others.
    """

    def __init__(self, model: EmbeddingModel, count: Callable[[str], int], budget: Budget) -> None:
        """`count`: tokens of a text."""
        self._model = model
        self._count = count
        self._budget = budget
        self._known: OrderedDict[str, array[float]] = OrderedDict()
        self._probing: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """See `EmbeddingModel`."""
        return self._model.name

    @property
    def dimensions(self) -> int:
        """See `EmbeddingModel`."""
        return self._model.dimensions

    async def embed_query(self, text: str) -> list[float]:
        """See `EmbeddingModel`; raises `ServiceError` too for a new question when the day's money is spent, or it is away."""
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text].tolist()
        if self._budget.is_spent:
            raise ServiceError("embeddings", "The day's budget is spent.", transient=True, code="budget_spent")
        if self.is_away:
            raise ServiceError("embeddings", "The model is away; it is being probed.", transient=True, code="away")
        try:
            vector = array("f", await self._model.embed_query(text))
        except ServiceError as exc:
            if exc.transient and not self.is_away:
                log.warning("embeddings_away", reason=str(exc))
                self._probing = asyncio.create_task(self._probe())
            raise
        tokens = self._count(text)
        self._budget.pay(self.name, price_usd(self.name, tokens), embedding=tokens)
        self._known[text] = vector
        if len(self._known) > CACHED_QUERIES:
            self._known.popitem(last=False)
        return vector.tolist()

    @property
    def is_away(self) -> bool:
        """Whether it has failed and no probe has succeeded since."""
        return self._probing is not None and not self._probing.done()

    async def _probe(self) -> None:
        pause_s = FIRST_PROBE_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._model.ping()
            except ServiceError:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                log.info("embeddings_back")
                return

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """See `EmbeddingModel`."""
        return await self._model.embed_documents(texts)

    async def ping(self) -> None:
        """See `EmbeddingModel`; one word a minute at most, which is not counted."""
        await self._model.ping()

    async def aclose(self) -> None:
        """See `EmbeddingModel`."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        await self._model.aclose()

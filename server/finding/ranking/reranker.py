"""The best places put in order once more by a re-ranking model behind `POST /rerank`, of the shape that Cohere, Jina and many
servers of open models share.

It says which place fits better, and its scale is its own: the places change places and keep the scores there are, so that
whatever goes by scores goes on as it was. A reader does not wait for it long, and while it is away they are not made to.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from server.finding.choosing import Ranked
from server.finding.places import Place
from shared import content, tracing
from shared.settings import Settings

MOST_PLACES = 40
"""Sent for one query: those that may be shown, as `choosing.LOOKED_AT` has it for ten."""
MOST_CHARS = 2000
"""Of one place: more than most models read of it."""
WAIT_S = 1.0
"""For all of an answer; after it the order is our own."""
REST_S = 30.0
"""Nothing is asked for so long after one that failed."""

log = logging.getLogger(__name__)


class _Result(BaseModel):
    index: int
    relevance_score: float


class _Reply(BaseModel):
    results: list[_Result]


class Reranker:
    """One re-ranking model."""

    def __init__(self, address: str, *, model: str, api_key: SecretStr | None, wait_s: float = WAIT_S) -> None:
        """`address`: of the endpoint itself. Nothing is connected to yet."""
        self._address = address
        self._model = model
        self._wait_s = wait_s
        self._rests_until = -math.inf
        headers = {"authorization": f"Bearer {api_key.get_secret_value().strip()}"} if api_key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=wait_s)

    async def rerank(self, query: str, ranked: Sequence[Ranked]) -> list[Ranked]:
        """The places with the first `MOST_PLACES` in the model's order; as they are where it does not answer well in time."""
        if len(ranked) < 2 or monotonic() < self._rests_until:
            return [*ranked]
        first = ranked[:MOST_PLACES]
        try:
            with tracing.span("rerank"):
                order = await self._ask(query, [_text(one.place) for one in first])
        except (httpx.HTTPError, TimeoutError, ValueError) as exc:
            self._rests_until = monotonic() + REST_S
            log.warning("results are in their own order: %s: %s", self._address, str(exc) or type(exc).__name__)
            return [*ranked]
        moved = [replace(first[index], score=one.score) for index, one in zip(order, first, strict=True)]
        return [*moved, *ranked[MOST_PLACES:]]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, query: str, texts: list[str]) -> list[int]:
        """Numbers of the texts, best first. Raises `ValueError` for an answer that is not about each of them once."""
        asked: dict[str, object] = {"query": query, "documents": texts, "top_n": len(texts)}
        if self._model:
            asked["model"] = self._model
        async with asyncio.timeout(self._wait_s):
            reply = await self._client.post(self._address, json=asked)
        try:
            results = _Reply.model_validate_json(reply.raise_for_status().content).results
        except ValidationError as exc:
            raise ValueError("answered with something else than results") from exc
        if sorted(one.index for one in results) != [*range(len(texts))]:
            raise ValueError(f"answered with {len(results)} results for {len(texts)} documents")
        if not all(math.isfinite(one.relevance_score) for one in results):
            raise ValueError("answered with a score that is no number")
        return [one.index for one in sorted(results, key=lambda one: (-one.relevance_score, one.index))]


def open_reranker(settings: Settings) -> Reranker | None:
    """The model of the settings; None: there is none."""
    if settings.rerank_url is None:
        return None
    return Reranker(settings.rerank_url, model=settings.rerank_model, api_key=settings.rerank_api_key)


def _text(place: Place) -> str:
    names = content.breadcrumb(place.chunk.title, place.section.heading_path)
    return f"{content.head(names)}\n{place.body}"[:MOST_CHARS]

"""Every place in the book worth looking at for a query, ranked.

1. Ask the index for the chunks nearest by words and, where there is an embedding model, by meaning.
2. Read them: part them at their headings and weigh every place (`relevance`).
3. Add both scales, and what the page around says (`fusion`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from server.finding.assembly import Ranked
from server.finding.frequencies import Frequencies
from server.finding.fusion import fuse, lift_pages
from server.finding.places import is_bare
from server.finding.relevance import Scored, perfect_score, read, score
from server.finding.roles import WORTH, Role, role_of, wanted_roles
from server.finding.terms import Terms
from shared.bm25 import Bm25
from shared.embeddings import EmbeddingModel
from shared.errors import ServiceError
from shared.index.port import Filter, Snapshot
from shared.models import Hit, SparseVector

CANDIDATES = 100
"""Chunks each ranking contributes: deeper ones never came up among the first twenty."""
CONTEXT = 0.5
"""What a word of an earlier question counts, against one of this question: the topic stays, the new question decides."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found."""

    ranked: list[Ranked]
    """Every place of the candidates, best first."""
    words: float
    """The best lexical score, as a share of what a place with every word of the query would get."""
    cosine: float | None
    """Of the best place; None where meaning was not searched."""
    degraded: bool
    """The embedding model was out of reach: by words only."""


@dataclass(frozen=True, slots=True)
class HybridSearch:
    """Hybrid search over one build; by words alone where there is no embedding model or it is out of reach."""

    bm25: Bm25
    embeddings: EmbeddingModel | None
    terms: Terms
    frequencies: Frequencies

    async def find(self, snapshot: Snapshot, query: str, *, context: str = "", where: Filter | None = None) -> Found:
        """Every place worth looking at, ranked. Raises `ServiceError` only for the index.

        `context`: what the query leans on; its words count `CONTEXT` of those of the query.
        """
        sparse = self._sparse(query, context)
        lexical, (dense, degraded) = await asyncio.gather(
            snapshot.search(sparse, limit=CANDIDATES, where=where),
            self._dense(snapshot, f"{context}\n{query}" if context else query, where),
        )
        known = await self.frequencies.weigh(snapshot, sparse.indices)
        shares = dict(zip(sparse.indices, sparse.values, strict=True))
        weights = {term: shares[term] * weight for term, weight in known.items()}
        scored = await asyncio.to_thread(self._read, query, lexical, dense, weights, snapshot.build.chunks)
        ranked = rank(scored, wanted_roles(query))
        best = max((one.lexical for one in scored), default=0.0)
        return Found(
            ranked=ranked,
            words=best / perfect if (perfect := perfect_score(weights)) else 0.0,
            cosine=ranked[0].cosine if ranked else None,
            degraded=degraded,
        )

    def _sparse(self, query: str, context: str) -> SparseVector:
        values = dict.fromkeys(self.bm25.query(context).indices, CONTEXT) if context else {}
        values |= dict.fromkeys(self.bm25.query(query).indices, 1.0)
        return SparseVector(indices=tuple(values), values=tuple(values.values()))

    def _read(
        self, query: str, lexical: Sequence[Hit], dense: Sequence[Hit], weights: dict[int, float], chunks: int
    ) -> list[Scored]:
        cosines = {hit.chunk.id: hit.score for hit in dense}
        found = {hit.chunk.id: hit.chunk for hit in (*lexical, *dense)}
        wanted = frozenset(weights)
        candidates = [read(chunk, cosines.get(chunk.id), wanted, self.terms) for chunk in found.values()]
        return score(candidates, self.terms.of(query), weights, chunks)

    async def _dense(self, snapshot: Snapshot, query: str, where: Filter | None) -> tuple[list[Hit], bool]:
        if self.embeddings is None or snapshot.build.dimensions is None:
            return [], False
        try:
            vector = await self.embeddings.embed_query(query)
        except ServiceError as exc:
            log.warning("searching by words only: %s", exc)
            return [], True
        return await snapshot.search(vector, limit=CANDIDATES, where=where), False


def rank(scored: Sequence[Scored], wanted: Collection[Role] = ()) -> list[Ranked]:
    """Places with their score, 0 to 1, best first; equal ones in the order of the book. `wanted`: roles that cost nothing."""
    fused = fuse([one.lexical for one in scored], [one.dense for one in scored])
    lifted = lift_pages(fused, [one.place.chunk.path for one in scored], [one.place.chunk.id for one in scored])
    ranked = [_weigh(one, value, wanted) for one, value in zip(scored, lifted, strict=True) if not is_bare(one.place)]
    return sorted(ranked, key=lambda one: (-one.score, one.place.chunk.path, one.place.start))


def _weigh(one: Scored, value: float, wanted: Collection[Role]) -> Ranked:
    role = role_of(one.place)
    if role is None or role in wanted:
        return Ranked(one.place, value, one.dense)
    return Ranked(one.place, value * WORTH[role], one.dense, listing=role == "lists code")

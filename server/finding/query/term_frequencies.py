"""How rare a term is in a build, learnt from the index itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.finding.ranking.relevance import idf
from shared.index.bm25 import Bm25
from shared.index.port import Snapshot
from shared.models import SparseVector

_MOST_KNOWN = 50_000
"""Terms remembered of a build: more than a book has."""
_MOST_ASKED = 64
"""Terms of one question that are looked up; a longer question has enough of them to be understood."""


class Frequencies:
    """Inverse document frequencies of the live build, each asked once.

    The index scores a chunk for one term by `idf * weight`, and the weight can be computed again: so one search for the term
    alone tells its idf, from any store, without keeping the book in this process.
    """

    def __init__(self, bm25: Bm25) -> None:
        self._bm25 = bm25
        self._build_id = ""
        self._known: dict[int, float] = {}

    async def weigh(self, snapshot: Snapshot, terms: Sequence[int]) -> dict[int, float]:
        """{term: idf}; terms the book does not have weigh most."""
        if self._build_id != snapshot.build.id or len(self._known) > _MOST_KNOWN:
            self._build_id, self._known = snapshot.build.id, {}
        known, asked = self._known, list(dict.fromkeys(terms))[:_MOST_ASKED]
        unknown = [term for term in asked if term not in known]
        found = await asyncio.gather(*(self._ask(snapshot, term) for term in unknown))
        known.update(zip(unknown, found, strict=True))
        return {term: known[term] for term in asked}

    async def absent(self, snapshot: Snapshot, terms: Sequence[int]) -> frozenset[int]:
        """Those of the terms looked up that the book does not have."""
        most = idf(0, snapshot.build.chunks)
        return frozenset(term for term, weight in (await self.weigh(snapshot, terms)).items() if weight >= most)

    async def _ask(self, snapshot: Snapshot, term: int) -> float:
        hits = await snapshot.search(SparseVector(indices=(term,), values=(1.0,)), limit=1)
        for hit in hits:
            vector = self._bm25.document(hit.chunk.content)
            weight = dict(zip(vector.indices, vector.values, strict=True)).get(term, 0.0)
            if weight > 0:
                return hit.score / weight
        return idf(0, snapshot.build.chunks)

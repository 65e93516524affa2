"""Words as the lexical index knows them: stems in their order, stop words left out, and how rare each is in a build."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain

from shared.index.bm25 import Bm25, spell_operators
from shared.index.port import Snapshot
from shared.models import Hit, SparseVector

_WORD = re.compile(r"\w+")
_MOST_WORDS = 16_384
"""Different words remembered, about 2 MB: those in use. What readers write has no end; a book's own are read once a chunk."""
_MOST_TERMS = 8_192
"""Terms remembered of a build, about 1 MB: those in use."""
_MOST_ASKED = 64
"""Terms of one question that are looked up; a longer question has enough of them to be understood."""


class Stemmer:
    """Splits text into the terms of one BM25 model; remembers the stem of every word it has seen."""

    def __init__(self, bm25: Bm25) -> None:

        @lru_cache(_MOST_WORDS)
        def stem(word: str) -> tuple[int, ...]:
            return bm25.query(word).indices

        self._stem = stem

    def of(self, text: str) -> list[int]:
        """The terms of `text`, in order, repeated as often as they occur; stop words are left out.

        A word has one term as a rule, none when it is a stop word, several where the engine segments what `\\w+` does not.
        """
        return [*chain.from_iterable(map(self._stem, _WORD.findall(spell_operators(text).lower())))]


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
        if self._build_id != snapshot.build.id or len(self._known) > _MOST_TERMS:
            self._build_id, self._known = snapshot.build.id, {}
        known, asked = self._known, list(dict.fromkeys(terms))[:_MOST_ASKED]
        unknown = [term for term in asked if term not in known]
        one_each = (SparseVector(indices=(term,), values=(1.0,)) for term in unknown)
        found = await asyncio.gather(*(snapshot.search(query, limit=1) for query in one_each))
        known |= await asyncio.to_thread(self._divide, dict(zip(unknown, found, strict=True)), idf(0, snapshot.build.chunks))
        return {term: known[term] for term in asked}

    async def absent(self, snapshot: Snapshot, terms: Sequence[int]) -> frozenset[int]:
        """Those of the terms looked up that the book does not have."""
        most = idf(0, snapshot.build.chunks)
        return frozenset(term for term, weight in (await self.weigh(snapshot, terms)).items() if weight >= most)

    def _divide(self, found: Mapping[int, Sequence[Hit]], most: float) -> dict[int, float]:
        """The frequencies of terms by the best chunk for each; `most` where there is none."""
        chunks = {hit.chunk.id: hit.chunk for hits in found.values() for hit in hits}
        vectors = {key: self._bm25.document(chunk.content) for key, chunk in chunks.items()}
        weights = {key: dict(zip(vector.indices, vector.values, strict=True)) for key, vector in vectors.items()}
        known = dict.fromkeys(found, most)
        for term, hits in found.items():
            for hit in hits:
                if (weight := weights[hit.chunk.id].get(term, 0.0)) > 0:
                    known[term] = hit.score / weight
        return known


def idf(frequency: int, chunks: int) -> float:
    """Inverse document frequency as Qdrant computes it; at least that of a word in every chunk."""
    return math.log(1 + (max(chunks, frequency) - frequency + 0.5) / (frequency + 0.5))

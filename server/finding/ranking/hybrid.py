"""Every place in the book worth looking at for a query, ranked.

1. Ask the index for the chunks nearest by words and, where there is an embedding model, by meaning. Where they spell out an
   abbreviation of the question, ask once more with the words it stands for (`abbreviations`).
2. Read them: part them at their headings and weigh every place (`relevance`).
3. Add both scales, and what the page around says (`fusion`).
4. When it is asked what a thing is, lower what does not say so (`definitions`).
5. Where there is a re-ranking model, put the best of them in its order (`reranker`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from server.english import without_request
from server.finding.choosing import Ranked
from server.finding.places import Place
from server.finding.query.abbreviations import long_forms
from server.finding.query.terms import Frequencies, Stemmer
from server.finding.ranking.definitions import definer, thing_asked
from server.finding.ranking.fusion import fuse, lift_pages
from server.finding.ranking.relevance import ChunkReader, ScoredPlace, perfect_score, score_places
from server.finding.ranking.reranker import Reranker
from server.finding.versions import of_asked_version
from server.languages import ENGLISH, language_of, without_small_words
from shared import tracing
from shared.embedding.model import ENGLISH_MODELS, EmbeddingModel
from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.port import Filter, Snapshot
from shared.models import Build, Hit, SparseVector

CANDIDATES = 100
"""Chunks each ranking contributes: deeper ones never came up among the first twenty."""
SPELLED_OUT = 0.5
"""What the words an abbreviation stands for count together, against the abbreviation."""
UNSAID = 0.82
"""What a place counts that does not say what the thing asked about is, against one that does; twice for code alone."""
QUIZ = 0.5
"""What a place counts that only asks: it holds a reader's words and does not answer them."""
CONTEXT = 0.5
"""What a word of an earlier question counts, against one of this question: the topic stays, the new question decides."""

_SEARCHED = {"db.system.name": "qdrant", "db.operation.name": "query"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RankedPlaces:
    """What a query found."""

    ranked: list[Ranked]
    """Every place of the candidates, best first."""
    words: float
    """The best lexical score, as a share of what a place with every word of the query would get."""
    cosine: float | None
    """Of the best place, before it is ranked again; None where meaning was not searched."""
    degraded: bool
    """The embedding model was out of reach: by words only."""
    rarity: dict[int, float]
    """{term: inverse document frequency} of the query's terms."""
    long_forms: dict[str, str]
    """{abbreviation of the query: what the book says it stands for}."""
    by_words: int
    """Chunks found so."""
    by_meaning: int
    other_versions: int
    """Of both, left out for being of another version of the site."""


@dataclass(frozen=True, slots=True)
class HybridSearch:
    """Hybrid search over one build; by words alone where there is no embedding model or it is out of reach."""

    bm25: Bm25
    embeddings: EmbeddingModel | None
    terms: Stemmer
    frequencies: Frequencies
    reader: ChunkReader
    reranker: Reranker | None = None

    async def find(
        self, snapshot: Snapshot, query: str, *, context: str = "", thing: str | None = None, where: Filter | None = None
    ) -> RankedPlaces:
        """Every place worth looking at, ranked. Raises `ServiceError` only for the index.

        `context`: what the query leans on; its words count `CONTEXT` of those of the query. `thing`: what it asks
        about, where another question says so.
        """
        said = without_small_words(query)
        asked = self._shares(said, without_small_words(context))
        vector, degraded = await self._embed(snapshot, f"{context}\n{query}" if context else query)
        with tracing.span("search", _SEARCHED):
            lexical, dense, _ = await asyncio.gather(  # at the same moment, which is one request to a server
                snapshot.search(_sparse(asked), limit=CANDIDATES, where=where),
                snapshot.search(vector or _sparse({}), limit=CANDIDATES, where=where),
                self.frequencies.weigh(snapshot, tuple(asked)),
            )
        forms = await asyncio.to_thread(long_forms, query, [hit.chunk.content for hit in lexical])
        shares = asked | await self._spelled_out(snapshot, forms, asked)
        if len(shares) > len(asked):
            lexical = await snapshot.search(_sparse(shares), limit=CANDIDATES, where=where)
        rarity = await self.frequencies.weigh(snapshot, tuple(shares))
        weights = {term: shares[term] * weight for term, weight in rarity.items()}
        by_words, by_meaning = len(lexical), len(dense)
        lexical, dense = of_asked_version(lexical, query), of_asked_version(dense, query)
        with tracing.span("fuse", {"lectern.found.by_words": len(lexical), "lectern.found.by_meaning": len(dense)}):
            thing = thing or thing_asked(query)
            ranking = partial(self._rank, said, thing, lexical, dense, weights=weights, build=snapshot.build)
            scored, ranked = await asyncio.to_thread(ranking)
            cosine = ranked[0].cosine if ranked else None
        if self.reranker is not None:
            ranked = await self.reranker.rerank(query, ranked)
        best = max((one.lexical for one in scored), default=0.0)
        perfect = perfect_score({term: weight for term, weight in weights.items() if term in asked})
        return RankedPlaces(
            ranked=ranked,
            words=best / perfect if perfect else 0.0,
            cosine=cosine,
            degraded=degraded,
            rarity=rarity,
            long_forms=forms,
            by_words=by_words,
            by_meaning=by_meaning,
            other_versions=by_words + by_meaning - len(lexical) - len(dense),
        )

    def _shares(self, query: str, context: str) -> dict[int, float]:
        """What each term to search for counts; words that only ask count no more than the context where there is one."""
        own = dict.fromkeys(self.bm25.query(query).indices, 1.0)
        if not context:
            return own
        asking = own.keys() - self.bm25.query(without_request(query)).indices
        return dict.fromkeys(self.bm25.query(context).indices, CONTEXT) | own | dict.fromkeys(asking, CONTEXT)

    async def _spelled_out(self, snapshot: Snapshot, forms: Mapping[str, str], asked: Mapping[int, float]) -> dict[int, float]:
        """The further terms of the long forms of the query's abbreviations, and what each counts."""
        further: dict[int, float] = {}
        for short, long in forms.items():
            own, others = self.terms.of(short), set(self.terms.of(long)) - asked.keys()
            known = await self.frequencies.weigh(snapshot, [*own, *others])
            of_short, of_others = (sum(known[term] for term in terms) for terms in (own, others))
            further |= dict.fromkeys(others, min(SPELLED_OUT, SPELLED_OUT * of_short / of_others) if others else 0.0)
        return further

    def _rank(
        self,
        query: str,
        thing: str | None,
        lexical: Sequence[Hit],
        dense: Sequence[Hit],
        *,
        weights: dict[int, float],
        build: Build,
    ) -> tuple[list[ScoredPlace], list[Ranked]]:
        """Every place that was found with its score, and the same in their order; takes milliseconds: for a thread."""
        cosines = {hit.chunk.id: hit.score for hit in dense}
        found = {hit.chunk.id: hit.chunk for hit in (*lexical, *dense)}
        wanted = frozenset(weights)
        candidates = [self.reader.read(build.id, chunk, cosines.get(chunk.id), wanted) for chunk in found.values()]
        scored = score_places(candidates, self.terms.of(query), weights, build.chunks)
        return scored, rank(scored, definer(thing) if thing else None)

    async def _embed(self, snapshot: Snapshot, query: str) -> tuple[list[float] | None, bool]:
        """The query's vector, None where it is searched for by words only; and whether that is for want of the model."""
        if self.embeddings is None or snapshot.build.embedding_model != self.embeddings.name:
            return None, False  # words only, or until an ingest has embedded the book with this model
        if self.embeddings.name in ENGLISH_MODELS and language_of(query) != ENGLISH:
            return None, False  # it would say that the book holds nothing like this
        try:
            with tracing.span("embed"):
                return await self.embeddings.embed_query(query), False
        except ServiceError as exc:
            log.warning("searching by words only: %s", exc)
            return None, True


def rank(scored: Sequence[ScoredPlace], defines: Callable[[Place], bool] | None = None) -> list[Ranked]:
    """Places with their score, 0 to 1, best first; equal ones in the order of the book.

    `defines`: whether a place says what the thing asked about is; None: nothing of the kind was asked.
    """
    fused = fuse([one.lexical for one in scored], [one.dense for one in scored])
    lifted = lift_pages(fused, [one.place.chunk.path for one in scored], [one.place.chunk.id for one in scored])
    ranked: list[Ranked] = []
    for one, score in zip(scored, lifted, strict=True):
        if one.place.is_bare:
            continue
        if one.place.is_quiz:
            score *= QUIZ  # noqa: PLW2901
            lowered = "asks only"
        elif defines is not None and not defines(one.place):
            score *= UNSAID if one.place.has_prose else UNSAID**2  # noqa: PLW2901
            lowered = "does not define"
        else:
            lowered = ""
        ranked.append(Ranked(one.place, score, one.dense, one.lexical, lowered))
    return sorted(ranked, key=lambda one: (-one.score, one.place.chunk.path, one.place.start))


def _sparse(shares: Mapping[int, float]) -> SparseVector:
    return SparseVector(indices=tuple(shares), values=tuple(shares.values()))

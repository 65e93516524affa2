"""What a query finds, and whether the book seems to hold the answer."""

from __future__ import annotations

from dataclasses import dataclass

from server.finding.abstention import ENOUGH_WITH_UNKNOWN, ENOUGH_WITH_UNKNOWN_NAME, support
from server.finding.cosine_baseline import CosineBaseline
from server.finding.query.follow_up import SearchQuery
from server.finding.query.terms import Frequencies, Stemmer
from server.finding.ranking.hybrid import HybridSearch, RankedPlaces
from server.finding.trail import Judged
from server.languages import names_in, without_small_words
from shared.index.port import Filter, Snapshot


@dataclass(frozen=True, slots=True)
class Judge:
    """Searches, and weighs what is found against the support that a question needs."""

    hybrid: HybridSearch
    terms: Stemmer
    frequencies: Frequencies
    background: CosineBaseline
    enough: float
    """The support from which on a question counts as answerable, but for words that the book does not have."""

    async def judge(
        self, snapshot: Snapshot, query: SearchQuery, *, thing: str | None = None, where: Filter | None = None
    ) -> Judged:
        """See `HybridSearch.find`. Raises `ServiceError` (the index)."""
        found = await self.hybrid.find(snapshot, query.text, context=query.context, thing=thing, where=where)
        supported = await self._support(snapshot, found)
        enough = self.enough if query.context else await self._enough_for(snapshot, query.text)
        return Judged(query, found, supported, enough)

    async def _support(self, snapshot: Snapshot, found: RankedPlaces) -> float:
        if found.cosine is None:
            return support(found.words, None)
        spread = await self.background.spread(snapshot)
        return support(found.words, spread.above(found.cosine) if spread else None)

    async def _enough_for(self, snapshot: Snapshot, question: str) -> float:
        """The support `question` needs: more where it has a word that is nowhere in the book, most where that is a name."""
        said = without_small_words(question)
        if not await self.frequencies.absent(snapshot, self.terms.of(said)):
            return self.enough
        named = await self.frequencies.absent(snapshot, self.terms.of(" ".join(names_in(question))))
        return max(self.enough, ENOUGH_WITH_UNKNOWN_NAME if named else ENOUGH_WITH_UNKNOWN)

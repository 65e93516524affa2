"""How passages were found: what was searched for, the places each search ranked, and what became of them.

For whoever asks why an answer says what it says. It is what the search decided, as it decided it; it holds names, addresses and
numbers, and no text of the book.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from server.finding.choosing import Fate, Fates
from server.finding.places import PlaceKey
from server.finding.query.follow_up import SearchQuery
from server.finding.ranking.hybrid import RankedPlaces

MOST_CANDIDATES = 40
"""Of each search, the best: twice what is looked at for five passages."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found for one query, and whether it answers."""

    query: SearchQuery
    found: RankedPlaces
    support: float
    enough: float
    """The support from which on it counts as answerable."""

    @property
    def answerable(self) -> bool:
        """Whether the book seems to hold the answer."""
        return self.support >= self.enough


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a search ranked."""

    title: str
    heading_path: tuple[str, ...]
    url: str
    words: float
    """Its score by words, from 0; comparable within one search only."""
    cosine: float | None
    """Its score by meaning, -1 to 1; None: not found by meaning."""
    score: float
    """Of both, with what its page adds and what lowers it, 0 to 1; where there is a re-ranking model, by its order."""
    lowered: str
    """Why it counts less than words and meaning say; '' where it does not."""
    fate: Fate


@dataclass(frozen=True, slots=True)
class SearchTrail:
    """One search."""

    role: str
    """What was searched for: the `question`, a `part` of it, a `side` of a comparison, or the question within its `page`."""
    query: str
    context: str
    """Earlier questions that it leans on, a line each."""
    support: float
    enough: float
    by_words: int
    """Chunks found by words, and by meaning; of both, those left out for being of another version of the site."""
    by_meaning: int
    other_versions: int
    degraded: bool
    """The embedding model was out of reach."""
    places: int
    """Ranked in all."""
    candidates: tuple[Candidate, ...]
    """The best of them, best first."""


@dataclass(frozen=True, slots=True)
class Trail:
    """All that was searched for one question."""

    searches: tuple[SearchTrail, ...]
    has_selection: bool
    """The first passage is the section that the selected text stands in."""
    of_page: Literal["", "part", "all of it"]
    """What is meant of the page the question was asked on."""


def make_trail(
    searches: Mapping[str, Sequence[Judged]],
    fates: Fates,
    shown: Collection[PlaceKey],
    *,
    has_selection: bool,
    of_page: Literal["", "part", "all of it"],
) -> Trail:
    """The trail of `searches` by their role. `shown`: places that stand in a passage, made of them or of another."""
    told = [_tell(role, one, fates, shown) for role, judged in searches.items() for one in judged]
    return Trail(tuple(told), has_selection, of_page)


def _tell(role: str, judged: Judged, fates: Fates, shown: Collection[PlaceKey]) -> SearchTrail:
    found = judged.found
    candidates = [
        Candidate(
            title=one.place.chunk.title,
            heading_path=one.place.section.heading_path,
            url=one.place.section.url,
            words=one.words,
            cosine=one.cosine,
            score=one.score,
            lowered=one.lowered,
            fate=fates.get(one.place.key) or ("shown" if one.place.key in shown else "outranked"),
        )
        for one in found.ranked[:MOST_CANDIDATES]
    ]
    return SearchTrail(
        role=role,
        query=judged.query.text,
        context=judged.query.context,
        support=judged.support,
        enough=judged.enough,
        by_words=found.by_words,
        by_meaning=found.by_meaning,
        other_versions=found.other_versions,
        degraded=found.degraded,
        places=len(found.ranked),
        candidates=tuple(candidates),
    )

"""Which of the ranked places are worth a reader's room, and how much of the page each brings along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from server.finding.places import Place, PlaceKey, SectionKey, cut
from shared.models import Chunk

SAME_SECTION = 0.96
"""What each further place of a section is worth, against one of a section not seen yet."""
SAME_PAGE = 0.98
"""Likewise of the page."""
LOOKED_AT = 4
"""Places looked at for each one wanted; deeper ones never come up."""
COMPLETE_TOKENS = 640
"""Most tokens of a section that is shown whole when a part of it was found: six of them fit into what a prompt may hold."""
NEIGHBOURS = 4
"""Chunks on either side that may belong to such a section."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A place and how well it fits, 0 to 1."""

    place: Place
    score: float
    cosine: float | None = None
    """None where meaning was not searched."""
    words: float = 0.0
    """Its lexical score, as `relevance` counts it."""
    lowered: Literal["", "asks only", "does not define"] = ""
    """Why it counts less than its words and its meaning say."""


Fate = Literal["taken", "no room", "repeats", "shown", "set back", "outranked"]
"""What becomes of a place: a passage is made of it; the tokens were spent; one before it says the same; it stands in a passage
made of another; it fits better than some that were taken, but others of its section or page came first; others fit better."""
Fates = dict[PlaceKey, Fate]


def join_rankings(rankings: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    """One ranking of several, in which the best of each is worth 1 and a place what it is in the one it fits best."""
    if len(rankings) == 1:
        return [*rankings[0]]
    best: dict[PlaceKey, Ranked] = {}
    for ranking in rankings:
        for one in ranking:
            scaled = replace(one, score=one.score / ranking[0].score) if ranking[0].score else one
            if (known := best.get(one.place.key)) is None or known.score < scaled.score:
                best[one.place.key] = scaled
    return sorted(best.values(), key=lambda one: -one.score)


def choose(ranked: Sequence[Ranked], *, limit: int, fates: Fates | None = None) -> Iterator[Ranked]:
    """Places in the order they should be read, best first; at most `LOOKED_AT * limit`.

    1. Of what is left, take the best, places of sections already taken worth less.
    2. Drop it when it says what one before it said: a note repeated on every page, a page that several versions have.

    `fates`: is told of those that are not taken for a reason of their own.
    """
    fates = {} if fates is None else fates
    left = [(one, one.place.section_key) for one in ranked[: LOOKED_AT * limit]]
    said: set[str] = set()
    taken: Counter[SectionKey | str] = Counter()
    while left:
        worth = [one.score * SAME_SECTION ** taken[section] * SAME_PAGE ** taken[section[0]] for one, section in left]
        best, section = left.pop(worth.index(max(worth)))
        if best.place.body in said:
            settle(fates, best.place, "repeats")
            continue
        for one, _ in left:
            if one.score > best.score:
                settle(fates, one.place, "set back")
        said.add(best.place.body)
        taken.update((section, section[0]))
        yield best


def settle(fates: Fates, place: Place, fate: Fate) -> None:
    """Say what becomes of a place: the first word counts, but one set back may come up yet, and another search may take it."""
    if fate == "taken" or fates.get(place.key, "set back") == "set back":
        fates[place.key] = fate


def complete(place: Place, window: Sequence[Chunk]) -> list[Place]:
    """The places of the section `place` is part of, in order, when all of it is in `window` and short enough; else `place`.

    `window`: the page's chunks from `NEIGHBOURS` before the place's to as many after it, in order. What is given is cut from
    these: a chunk that a search found may lack its source.
    """
    places = [one for chunk in window for one in cut(chunk)]
    at = first = last = next((index for index, one in enumerate(places) if one.key == place.key), -1)
    if at < 0:
        return [place]
    while first > 0 and places[first - 1].section_key == place.section_key:
        first -= 1
    while last + 1 < len(places) and places[last + 1].section_key == place.section_key:
        last += 1
    begins = first > 0 or window[0].position == 0
    ends = last + 1 < len(places) or window[-1].position < place.chunk.position + NEIGHBOURS
    section = places[first : last + 1]
    fits = sum(one.tokens for one in section) <= COMPLETE_TOKENS
    return section if begins and ends and fits else [places[at]]


def extend(place: Place, window: Sequence[Chunk]) -> list[Place]:
    """`place` with as much of its section after it, then before it, as `COMPLETE_TOKENS` hold, in order; `window` as above."""
    places = [one for chunk in window for one in cut(chunk)]
    first = last = next((index for index, one in enumerate(places) if one.key == place.key), -1)
    if first < 0:
        return [place]

    def has_room(at: int) -> bool:
        fits = sum(one.tokens for one in places[min(first, at) : max(last, at) + 1]) <= COMPLETE_TOKENS
        return 0 <= at < len(places) and places[at].section_key == place.section_key and fits

    while has_room(last + 1):
        last += 1
    while has_room(first - 1):
        first -= 1
    return places[first : last + 1]

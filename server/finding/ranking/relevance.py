"""How well places fit a question, word by word: the second look at what the index found.

A place's lexical score is the sum of

1. BM25 over the place and, twice, the title and headings above it (once, where a page begins, its tags): the answer is here;
2. `AROUND` times BM25 over it and what stands around it in its section: the answer is about this. Words of a question are
   spread over neighbouring paragraphs, and a boundary between chunks is an accident;
3. `PAIRS` times BM25 over neighbouring words of the question found side by side or near each other (the sequential dependence
   model of Metzler and Croft, 2005).

Its dense score is its chunk's, lifted half way to that of a better neighbour in the same section.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from server.finding.places import Place, cut
from server.finding.query.terms import Stemmer, idf
from shared import content
from shared.models import Chunk

K = 1.2
B = 0.75
"""BM25's usual values, as in `shared/index/bm25.py`."""
PLACE_TERMS = 128
"""Terms of an ordinary place, headings included."""
AROUND_TERMS = 300
"""Terms of an ordinary place with its surroundings."""
HEADINGS = 2
"""How often a word above a place counts, against one in it."""
AROUND = 0.8
PAIRS = 0.3
NEAR = 8
"""Terms apart that still count as near."""

Weights = Mapping[int, float]
"""Inverse document frequency of each term of a question."""
Pair = tuple[int, int]
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """A chunk the index found, and its places."""

    chunk: Chunk
    dense: float | None
    """Cosine; None where dense search did not find it, or was not asked."""
    places: tuple[Place, ...]
    found: tuple[tuple[tuple[int, int], ...], ...]
    """Per place: (position, term) of each term of the question in headings and text."""
    sizes: tuple[int, ...]
    """Per place: its terms, headings included."""


@dataclass(frozen=True, slots=True)
class ScoredPlace:
    """A place with what speaks for it."""

    place: Place
    lexical: float
    dense: float | None


def read(chunk: Chunk, dense: float | None, wanted: frozenset[int], terms: Stemmer) -> ReadChunk:
    """Look for the question's terms in a chunk."""
    places = tuple(cut(chunk))
    found: list[tuple[tuple[int, int], ...]] = []
    sizes: list[int] = []
    for number, place in enumerate(places):
        names = " ".join(content.breadcrumb(chunk.title, place.section.heading_path))
        tagged = "" if number else content.tags(chunk)
        there = terms.of(f"{names}\n" * HEADINGS + f"{tagged}\n{place.body}")
        found.append(tuple((position, term) for position, term in enumerate(there) if term in wanted))
        sizes.append(len(there))
    return ReadChunk(chunk, dense, places, tuple(found), tuple(sizes))


def score_places(candidates: Sequence[ReadChunk], question: Sequence[int], weights: Weights, chunks: int) -> list[ScoredPlace]:
    """Every place of the candidates, in their order. `question`: its terms as asked; `chunks`: how many the book has."""
    neighbours = _neighbours(candidates)
    wanted = {pair for pair in pairwise(question) if pair[0] != pair[1]}
    near = [[_count_pairs(found, wanted) for found in candidate.found] for candidate in candidates]
    pair_weights = _pair_weights(near, weights, chunks)
    scored: list[ScoredPlace] = []
    for index, candidate in enumerate(candidates):
        around, size = _around(candidates, neighbours[index], candidate)
        surroundings = AROUND * _bm25(around, size, AROUND_TERMS, weights)
        dense = candidate.dense
        beside = [cosine for one in neighbours[index] if (cosine := candidates[one].dense) is not None]
        if dense is not None and beside:
            dense = max(dense, (dense + max(beside)) / 2)
        for number, place in enumerate(candidate.places):
            counts, terms = Counter(term for _, term in candidate.found[number]), candidate.sizes[number]
            own = _bm25(counts, terms, PLACE_TERMS, weights)
            pairs = _bm25(near[index][number], terms, PLACE_TERMS, pair_weights)
            lexical = own + surroundings + PAIRS * (1 + AROUND) * pairs
            scored.append(ScoredPlace(place, lexical, dense))
    return scored


def perfect_score(weights: Weights) -> float:
    """What a place would get that says every word of the question over and over, pairs aside."""
    return (K + 1) * (1 + AROUND) * sum(weights.values())


def _neighbours(candidates: Sequence[ReadChunk]) -> list[list[int]]:
    """Of each candidate: those right before and after it that go on with the same section."""
    at = {(one.chunk.path, one.chunk.position): index for index, one in enumerate(candidates)}
    neighbours: list[list[int]] = [[] for _ in candidates]
    for index, one in enumerate(candidates):
        after = at.get((one.chunk.path, one.chunk.position + 1))
        if after is not None and continues(one.chunk, candidates[after].chunk):
            neighbours[index].append(after)
            neighbours[after].append(index)
    return neighbours


def continues(chunk: Chunk, after: Chunk) -> bool:
    """Whether `after` goes on with the section `chunk` ends in."""
    return chunk.sections[-1].heading_path == after.sections[0].heading_path


def _around(candidates: Sequence[ReadChunk], neighbours: Sequence[int], candidate: ReadChunk) -> tuple[Counter[int], int]:
    """Counts and size of a chunk that was cut into places, or of a chunk with its neighbours in the section."""
    counts = Counter(term for found in candidate.found for _, term in found)
    size = sum(candidate.sizes)
    if len(candidate.places) == 1:
        for one in neighbours:
            counts.update(term for found in candidates[one].found for _, term in found)
            size += sum(candidates[one].sizes)
    return counts, size


def _count_pairs(found: Sequence[tuple[int, int]], wanted: set[Pair]) -> Counter[tuple[Pair, bool]]:
    """How often a pair of the question stands in a place side by side (True), or near (False)."""
    places: dict[int, list[int]] = {}
    for position, term in found:
        places.setdefault(term, []).append(position)
    counts: Counter[tuple[Pair, bool]] = Counter()
    for first, second in wanted:
        others = places.get(second, [])
        after = set(others)
        for position in places.get(first, []):
            counts[(first, second), True] += position + 1 in after
            counts[(first, second), False] += any(abs(position - other) <= NEAR for other in others)
    return +counts


def _pair_weights(
    near: Sequence[Sequence[Counter[tuple[Pair, bool]]]], weights: Weights, chunks: int
) -> dict[tuple[Pair, bool], float]:
    """A pair's inverse document frequency among the candidates, which hold nearly every place that has both words."""
    frequencies = Counter(pair for places in near for counts in places for pair in counts)
    return {
        pair: min(idf(frequency, chunks), weights.get(pair[0][0], 0.0) + weights.get(pair[0][1], 0.0))
        for pair, frequency in frequencies.items()
    }


def _bm25(counts: Mapping[T, int], size: int, ordinary: int, weights: Mapping[T, float]) -> float:
    norm = K * (1 - B + B * size / ordinary)
    return sum(weights.get(term, 0.0) * count * (K + 1) / (count + norm) for term, count in counts.items())

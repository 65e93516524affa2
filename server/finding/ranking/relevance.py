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
from struct import pack
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
_TERM_BYTES = 4
_MOST_CHUNKS = 16_384
"""Chunks whose terms are remembered, about 15 MB."""

Weights = Mapping[int, float]
"""Inverse document frequency of each term of a question."""
Positions = Mapping[int, Sequence[int]]
"""{term: where it stands, counted in terms}, in the order of the first."""
Pair = tuple[int, int]
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """A chunk the index found, and its places."""

    chunk: Chunk
    dense: float | None
    """Cosine; None where dense search did not find it, or was not asked."""
    places: tuple[Place, ...]
    found: tuple[Positions, ...]
    """Per place: where the terms of the question stand in it."""
    sizes: tuple[int, ...]
    """Per place: its terms, headings included."""


@dataclass(frozen=True, slots=True)
class ScoredPlace:
    """A place with what speaks for it."""

    place: Place
    lexical: float
    dense: float | None


class ChunkReader:
    """Reads chunks of one build after the other, and remembers what it read."""

    def __init__(self, terms: Stemmer) -> None:
        self._terms = terms
        self._known: dict[tuple[str, str], tuple[bytes, ...]] = {}
        """Of each place of a chunk its terms, four bytes each: found much faster than among Python's integers."""

    def read(self, build_id: str, chunk: Chunk, dense: float | None, wanted: frozenset[int]) -> ReadChunk:
        """Look for the question's terms in a chunk."""
        key = (build_id, chunk.id)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_CHUNKS:
                self._known.clear()
            known = self._known[key] = tuple(self._terms_of(place, first=not number) for number, place in enumerate(cut(chunk)))
        packed = [(term, pack("<I", term)) for term in wanted]
        found = tuple(_positions(there, packed) for there in known)
        return ReadChunk(chunk, dense, cut(chunk), found, tuple(len(there) // _TERM_BYTES for there in known))

    def _terms_of(self, place: Place, *, first: bool) -> bytes:
        """The terms of a place of a chunk (its first?), headings included."""
        names = " ".join(content.breadcrumb(place.chunk.title, place.section.heading_path))
        tagged = content.tags(place.chunk) if first else ""
        terms = self._terms.of(f"{names}\n" * HEADINGS + f"{tagged}\n{place.body}")
        return pack(f"<{len(terms)}I", *terms)


def _positions(there: bytes, wanted: Sequence[tuple[int, bytes]]) -> dict[int, list[int]]:
    found: list[tuple[int, list[int], int]] = []
    for term, packed in wanted:
        at, positions = there.find(packed), list[int]()
        while at >= 0:
            if at % _TERM_BYTES:  # the end of one term and the beginning of the next
                at = there.find(packed, at + 1)
                continue
            positions.append(at // _TERM_BYTES)
            at = there.find(packed, at + _TERM_BYTES)
        if positions:
            found.append((positions[0], positions, term))
    return {term: positions for _, positions, term in sorted(found)}


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
            counts = {term: len(at) for term, at in candidate.found[number].items()}
            terms = candidate.sizes[number]
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


def _around(candidates: Sequence[ReadChunk], neighbours: Sequence[int], candidate: ReadChunk) -> tuple[dict[int, int], int]:
    """Counts and size of a chunk that was cut into places, or of a chunk with its neighbours in the section."""
    joined = [candidate, *(candidates[one] for one in neighbours if len(candidate.places) == 1)]
    counts: dict[int, int] = {}
    for found in (found for one in joined for found in one.found):
        for term, at in found.items():
            counts[term] = counts.get(term, 0) + len(at)
    return counts, sum(sum(one.sizes) for one in joined)


def _count_pairs(found: Positions, wanted: set[Pair]) -> dict[tuple[Pair, bool], int]:
    """How often a pair of the question stands in a place side by side (True), or near (False)."""
    counts: dict[tuple[Pair, bool], int] = {}
    for first, second in wanted:
        if first not in found or second not in found:
            continue
        others = found[second]
        after = set(others)
        if beside := sum(position + 1 in after for position in found[first]):
            counts[(first, second), True] = beside
        if near := sum(any(abs(position - other) <= NEAR for other in others) for position in found[first]):
            counts[(first, second), False] = near
    return counts


def _pair_weights(
    near: Sequence[Sequence[Mapping[tuple[Pair, bool], int]]], weights: Weights, chunks: int
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

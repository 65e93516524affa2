"""Two scales of relevance made one, from 0 to 1.

Rank fusion throws away how much better the first is than the second, and lost to plain BM25 on prose. So scores are added,
each scaled to its best: from nothing (no word shared) for words, from the furthest candidate for meaning, for no cosine means
nothing. Where one scale is missing the other decides alone: a lexical search is the same search without its dense half.
"""

from __future__ import annotations

from collections.abc import Sequence

DENSE_SHARE = 0.3
"""Of the sum; the rest is lexical."""
PAGE_SHARE = 0.4
"""What a page full of good places adds, against a place by itself."""
FADING = 0.8
"""What each further place of a page counts, against the one before it."""


def fuse(lexical: Sequence[float], dense: Sequence[float | None]) -> list[float]:
    """One score per place, same order. Places without a dense score are as far away as the furthest that has one."""
    words = _scale(lexical, 0.0)
    known = [one for one in dense if one is not None]
    if not known:
        return words
    low = min(known)
    meaning = _scale([low if one is None else one for one in dense], low)
    return [(1 - DENSE_SHARE) * word + DENSE_SHARE * sense for word, sense in zip(words, meaning, strict=True)]


def lift_pages(scores: Sequence[float], pages: Sequence[str], chunks: Sequence[str]) -> list[float]:
    """Scores with what their page says added, still 0 to 1, same order.

    A page's evidence is the mean of its chunks' best scores, best first, each weighing `FADING` of the one before: a page that
    is about the question beats a page that mentions it once.
    """
    best: dict[str, dict[str, float]] = {}
    for one, page, chunk in zip(scores, pages, chunks, strict=True):
        of_page = best.setdefault(page, {})
        of_page[chunk] = max(of_page.get(chunk, 0.0), one)
    evidence: dict[str, float] = {}
    for page, of_page in best.items():
        ranked = sorted(of_page.values(), reverse=True)
        evidence[page] = (1 - FADING) * sum(one * FADING**rank for rank, one in enumerate(ranked))
    return [(one + PAGE_SHARE * evidence[page]) / (1 + PAGE_SHARE) for one, page in zip(scores, pages, strict=True)]


def _scale(scores: Sequence[float], low: float) -> list[float]:
    """`low` becomes 0 and the best 1; all 1 where none is above `low`."""
    high = max(scores, default=low)
    return [(one - low) / (high - low) if high > low else 1.0 for one in scores]

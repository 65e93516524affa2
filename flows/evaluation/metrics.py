"""How well a search finds what a question asks for, by page and by characters.

A question's *gold* is where its answer stands: pages, and on some sets spans of characters in them. Results are ranges of
files, best first. Pages are taken in order of first appearance. Token metrics are by character, as in "Evaluating Chunking
Strategies for Retrieval" (Smith and Troynikov, 2024); nDCG has binary gains (Järvelin and Kekäläinen, 2002).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

KS = (1, 3, 5, 10, 20)
BUDGETS_CHARS = (2000, 4000, 8000, 16000)
DEPTH = 10
"""Places a rank metric looks at."""
SPAN_RESULTS = 5
"""Results that token precision, recall and IoU are taken over."""
ENOUGH = 0.5
"""Share of a gold span that must be covered, or of a result that must lie in one."""
RESAMPLES = 1000
SEED = 7

Scores = dict[str, float]
"""Metric to value, 0 to 1."""
Ranges = list[tuple[int, int]]
"""Sorted, disjoint."""


class Span(NamedTuple):
    """Characters start..end (exclusive) of a file."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Gold:
    """Where a question's answer stands."""

    pages: tuple[str, ...]
    spans: tuple[Span, ...] = ()
    """Empty: only pages are known."""
    any_page: bool = False
    """One of the pages is enough: recall is then the hit."""


class Interval(NamedTuple):
    """A mean and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def score_results(gold: Gold, results: Sequence[Span]) -> Scores:
    """Every metric of one question; the span metrics only where the gold has spans."""
    scores = _page_scores(gold, results)
    if gold.spans:
        scores |= _token_scores(gold.spans, results)
        scores |= _budget_scores(gold.spans, results)
        scores |= _span_scores(gold.spans, results)
    return scores


def bootstrap(values: Sequence[float]) -> Interval:
    """The mean over questions, and the middle 95 % of the means of 1,000 resamples; always the same for the same values."""
    chance, size = random.Random(SEED), len(values)  # noqa: S311  statistics, not secrets
    means = sorted(sum(chance.choices(values, k=size)) / size for _ in range(RESAMPLES))
    return Interval(sum(values) / size, means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1])


def summarise(scores: Iterable[Scores]) -> dict[str, Interval]:
    """Each metric over the questions that have it, in the order the metrics first appear."""
    columns: dict[str, list[float]] = {}
    for one in scores:
        for name, value in one.items():
            columns.setdefault(name, []).append(value)
    return {name: bootstrap(values) for name, values in columns.items()}


def compare(ours: Mapping[str, Scores], theirs: Mapping[str, Scores]) -> dict[str, Interval]:
    """Paired differences, ours minus theirs, over the questions (by id) and metrics both have."""
    shared = [name for name in ours if name in theirs]
    pairs = ((ours[name], theirs[name]) for name in shared)
    return summarise({key: mine[key] - other[key] for key in mine if key in other} for mine, other in pairs)


def _page_scores(gold: Gold, results: Sequence[Span]) -> Scores:
    pages = list(dict.fromkeys(result.path for result in results))
    wanted = set(gold.pages)
    scores: Scores = {}
    for k in KS:
        found = len(wanted.intersection(pages[:k]))
        scores[f"page_hit@{k}"] = float(found > 0)
        scores[f"page_recall@{k}"] = float(found > 0) if gold.any_page else found / len(wanted)
        scores[f"chunk_hit@{k}"] = float(any(result.path in wanted for result in results[:k]))
    gains = [float(page in wanted) for page in pages[:DEPTH]]
    first = gains.index(1.0) if 1.0 in gains else None
    scores[f"mrr@{DEPTH}"] = 0.0 if first is None else 1 / (first + 1)
    if gold.any_page:
        scores[f"ndcg@{DEPTH}"] = 0.0 if first is None else 1 / math.log2(first + 2)
    else:
        scores[f"ndcg@{DEPTH}"] = _ndcg(gains, len(wanted))
    return scores


def _token_scores(spans: Sequence[Span], results: Sequence[Span]) -> Scores:
    """Over the first five results: gold counted once, results as often as they were returned, as in the paper's code."""
    first = results[:SPAN_RESULTS]
    found = _overlap(first, spans)
    returned = sum(result.end - result.start for result in first)
    union = returned + _size(spans) - found
    return {
        f"tok_recall@{SPAN_RESULTS}": found / sum(span.end - span.start for span in spans),
        f"tok_precision@{SPAN_RESULTS}": found / returned if returned else 0.0,
        f"tok_iou@{SPAN_RESULTS}": found / union if union else 0.0,
    }


def _budget_scores(spans: Sequence[Span], results: Sequence[Span]) -> Scores:
    """Share of the gold covered by what fits in so many characters; the result that crosses the limit is cut there."""
    scores: Scores = {}
    for budget in BUDGETS_CHARS:
        left, taken = budget, list[Span]()
        for result in results:
            if left <= 0:
                break
            taken.append(result._replace(end=min(result.end, result.start + left)))
            left -= result.end - result.start
        scores[f"tok_recall@{budget}ch"] = _overlap(taken, spans) / _size(spans)
    return scores


def _span_scores(spans: Sequence[Span], results: Sequence[Span]) -> Scores:
    scores: Scores = {}
    for k in KS:
        first = results[:k]
        scores[f"span_recall@{k}"] = sum(_covered(span, first) >= ENOUGH for span in spans) / len(spans)
        scores[f"span_hit@{k}"] = float(any(_covered(span, [result]) >= ENOUGH for span in spans for result in first))
    gains = _span_gains(spans, results[:DEPTH])
    scores[f"span_mrr@{DEPTH}"] = 1 / (gains.index(1.0) + 1) if 1.0 in gains else 0.0
    scores[f"span_ndcg@{DEPTH}"] = _ndcg(gains, len(spans))
    return scores


def _span_gains(spans: Sequence[Span], results: Sequence[Span]) -> list[float]:
    """1 for a result that covers half of a span nobody before it did, or lies by half in the gold and touches such a span."""
    left = list(range(len(spans)))
    gains: list[float] = []
    for result in results:
        hit = [index for index in left if _covered(spans[index], [result]) >= ENOUGH]
        if not hit and _overlap([result], spans) >= ENOUGH * max(1, result.end - result.start):
            hit = [index for index in left if _overlap([result], [spans[index]])]
        gains.append(float(bool(hit)))
        left = [index for index in left if index not in hit]
    return gains


def _covered(span: Span, results: Sequence[Span]) -> float:
    return _overlap(results, [span]) / max(1, span.end - span.start)


def _ndcg(gains: Sequence[float], relevant: int) -> float:
    return _dcg(gains) / _dcg([1.0] * min(DEPTH, relevant))


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))


def _overlap(first: Iterable[Span], second: Iterable[Span]) -> int:
    """Characters that lie in both, each counted once."""
    ours, theirs = _by_path(first), _by_path(second)
    return sum(_common(ranges, theirs[path]) for path, ranges in ours.items() if path in theirs)


def _size(spans: Iterable[Span]) -> int:
    return sum(end - start for ranges in _by_path(spans).values() for start, end in ranges)


def _by_path(spans: Iterable[Span]) -> dict[str, Ranges]:
    paths: dict[str, Ranges] = {}
    for path, start, end in sorted(spans):
        ranges = paths.setdefault(path, [])
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], end))
        else:
            ranges.append((start, end))
    return paths


def _common(first: Ranges, second: Ranges) -> int:
    total = left = right = 0
    while left < len(first) and right < len(second):
        (a, b), (c, d) = first[left], second[right]
        total += max(0, min(b, d) - max(a, c))
        if b < d:
            left += 1
        else:
            right += 1
    return total

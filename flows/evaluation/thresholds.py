"""What an author asks of an evaluation, so that a build fails when the search gets worse. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from flows.evaluation.answers import ANSWERED
from flows.evaluation.declining import DECLINED, OFFERED
from flows.evaluation.metrics import Gold, Interval, Span, score_results

METRICS = (*score_results(Gold(("page",), (Span("page", 0, 1),)), []), OFFERED, DECLINED, ANSWERED)
"""The name of every metric there is."""


class Threshold(NamedTuple):
    """The least that the mean of a metric may be."""

    metric: str
    least: float


def parse_threshold(text: str) -> Threshold:
    """`METRIC=VALUE`. Raises `ValueError`, with a sentence for whoever typed it."""
    metric, _, value = text.partition("=")
    if metric not in METRICS:
        near = ", ".join(get_close_matches(metric, METRICS)) or ", ".join(("page_hit@5", "ndcg@10", OFFERED, DECLINED))
        raise ValueError(f"there is no metric {metric!r}; did you mean one of {near}?")
    try:
        least = float(value)
    except ValueError:
        least = -1.0
    if not 0 <= least <= 1:
        raise ValueError(f"{metric} is asked to be at least {value!r}; expected a number from 0 to 1, as in {metric}=0.9")
    return Threshold(metric, least)


def missed(thresholds: Sequence[Threshold], means: Mapping[str, Interval]) -> Iterator[str]:
    """A sentence for each threshold that was not met; a metric that no question has was not met either."""
    for metric, least in thresholds:
        if metric not in means:
            yield f"{metric} was to be at least {least:.4f}, and no question of the set tells it."
        elif (mean := means[metric].mean) < least:
            yield f"{metric} is {mean:.4f}, {least - mean:.4f} below the {least:.4f} it was to be at least."

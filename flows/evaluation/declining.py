"""When the search says that the book does not hold the answer: how often rightly, and what another threshold would give. Pure.

A question file may hold questions the book does not answer (`"gold": []`). Declining too few of them and declining answered
ones is one trade-off, set by ANSWER_SUPPORT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flows.evaluation.metrics import Gold, Scores
from flows.evaluation.run import QuestionResult

OFFERED, DECLINED = "offered", "declined"
"""Of questions the book answers, those not declined; of the others, those declined. Both: higher is better."""
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Point(NamedTuple):
    """What one threshold gives, shares from 0 to 1."""

    threshold: float
    offered: float
    declined: float


def score_declining(gold: Gold | None, *, answerable: bool) -> Scores:
    """The metric of one question; `gold` None: the book does not answer it."""
    return {DECLINED: float(not answerable)} if gold is None else {OFFERED: float(answerable)}


def trade_off(questions: Sequence[QuestionResult]) -> Iterator[Point]:
    """What each threshold gives; nothing when there are no questions of one of both kinds."""
    answered = [one.support for one in questions if OFFERED in one.scores]
    foreign = [one.support for one in questions if DECLINED in one.scores]
    if not answered or not foreign:
        return
    for threshold in THRESHOLDS:
        offered = sum(support >= threshold for support in answered) / len(answered)
        yield Point(threshold, offered, sum(support < threshold for support in foreign) / len(foreign))

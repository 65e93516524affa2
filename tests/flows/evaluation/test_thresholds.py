"""What an author asks of an evaluation."""

from __future__ import annotations

import pytest

from flows.evaluation.metrics import Interval
from flows.evaluation.thresholds import METRICS, Threshold, missed, parse_threshold

MEANS = {"page_hit@5": Interval(0.9, 0.8, 1.0), "offered": Interval(1.0, 1.0, 1.0)}


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_asked_for(metric: str) -> None:
    assert parse_threshold(f"{metric}=.75") == Threshold(metric, 0.75)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("page_hits@5=1", r"no metric 'page_hits@5'; did you mean one of page_hit@5"),
        ("quality=1", r"no metric 'quality'; did you mean one of page_hit@5, ndcg@10, offered, declined\?"),
        ("offered", r"offered is asked to be at least ''; expected a number from 0 to 1, as in offered=0.9"),
        ("offered=90%", "at least '90%'; expected a number"),
        ("offered=90", "at least '90'; expected a number"),
        ("offered=nan", "at least 'nan'; expected a number"),
    ],
)
def test_what_cannot_be_asked_for_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_threshold(text)


def test_what_is_met_is_not_mentioned() -> None:
    assert list(missed([Threshold("page_hit@5", 0.9), Threshold("offered", 1.0)], MEANS)) == []


def test_what_is_missed_is_told_with_how_much_is_missing() -> None:
    assert list(missed([Threshold("page_hit@5", 0.95)], MEANS)) == [
        "page_hit@5 is 0.9000, 0.0500 below the 0.9500 it was to be at least."
    ]


def test_a_metric_that_no_question_has_is_missed() -> None:
    assert list(missed([Threshold("declined", 0.0)], MEANS)) == [
        "declined was to be at least 0.0000, and no question of the set tells it."
    ]

"""When the search says that the book does not hold the answer."""

from __future__ import annotations

from flows.evaluation.declining import score_declining, trade_off
from flows.evaluation.metrics import Gold
from flows.evaluation.run import QuestionResult

HERE = Gold(("arms.md",))


def asked(gold: Gold | None, support: float) -> QuestionResult:
    scores = score_declining(gold, answerable=support >= 0.3)
    return QuestionResult(id=str(support), question="Why?", results=(), support=support, scores=scores)


def test_offering_what_is_there_and_declining_what_is_not_are_both_right() -> None:
    assert score_declining(HERE, answerable=True) == {"offered": 1.0}
    assert score_declining(HERE, answerable=False) == {"offered": 0.0}
    assert score_declining(None, answerable=True) == {"declined": 0.0}
    assert score_declining(None, answerable=False) == {"declined": 1.0}


def test_a_higher_threshold_offers_less_and_declines_more() -> None:
    points = {one.threshold: one[1:] for one in trade_off([asked(HERE, 0.95), asked(HERE, 0.25), asked(None, 0.15)])}
    assert points[0.1] == (1.0, 0.0)
    assert points[0.2] == (1.0, 1.0)
    assert points[0.3] == (0.5, 1.0)


def test_one_kind_of_question_alone_shows_no_trade_off() -> None:
    assert not list(trade_off([asked(HERE, 0.9)]))
    assert not list(trade_off([asked(None, 0.1)]))

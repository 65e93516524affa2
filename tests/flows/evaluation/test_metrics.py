"""The metrics, against values worked out by hand."""

from __future__ import annotations

from math import log2

import pytest

from flows.evaluation.metrics import Gold, Interval, Span, bootstrap, compare, score_results, summarise


def result(path: str, start: int = 0, end: int = 10) -> Span:
    return Span(path, start, end)


def test_page_metrics_count_each_page_once_where_it_first_appears() -> None:
    gold = Gold(("b", "c"))
    scores = score_results(gold, [result("a"), result("a", 5, 9), result("b"), result("c")])
    assert (scores["page_hit@1"], scores["page_hit@3"]) == (0, 1)
    assert (scores["page_recall@1"], scores["page_recall@3"]) == (0, 1)
    assert (scores["chunk_hit@1"], scores["chunk_hit@3"]) == (0, 1)
    assert scores["mrr@10"] == 1 / 2
    assert scores["ndcg@10"] == pytest.approx((1 / log2(3) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3)))


def test_any_one_of_several_pages_can_be_enough() -> None:
    scores = score_results(Gold(("b", "c"), any_page=True), [result("a"), result("c")])
    assert scores["page_recall@3"] == 1
    assert scores["ndcg@10"] == pytest.approx(1 / log2(3))


def test_nothing_found_is_nothing_everywhere() -> None:
    assert set(score_results(Gold(("a",), (Span("a", 0, 10),)), []).values()) == {0.0}
    assert score_results(Gold(("a",), any_page=True), [])["ndcg@10"] == 0


def test_span_metrics_are_there_only_for_spans() -> None:
    assert not [name for name in score_results(Gold(("a",)), [result("a")]) if name.startswith(("tok_", "span_"))]


def test_token_metrics_count_characters_of_the_first_five_results() -> None:
    gold = Gold(("a",), (Span("a", 100, 200),))
    scores = score_results(gold, [Span("a", 150, 250), Span("b", 0, 100)])
    assert scores["tok_recall@5"] == 50 / 100
    assert scores["tok_precision@5"] == 50 / 200
    assert scores["tok_iou@5"] == 50 / (200 + 100 - 50)
    late = score_results(gold, [*[result("b")] * 5, Span("a", 100, 200)])
    assert late["tok_recall@5"] == 0


def test_overlapping_results_cover_the_gold_once_but_are_returned_twice() -> None:
    scores = score_results(Gold(("a",), (Span("a", 0, 100),)), [Span("a", 0, 100), Span("a", 0, 100)])
    assert scores["tok_recall@5"] == 1
    assert scores["tok_precision@5"] == 100 / 200


def test_overlapping_gold_counts_in_the_paper_s_recall_as_often_as_it_is_given() -> None:
    scores = score_results(Gold(("a",), (Span("a", 0, 100), Span("a", 50, 100))), [Span("a", 0, 100)])
    assert scores["tok_recall@5"] == 100 / 150
    assert scores["tok_recall@2000ch"] == 1


def test_a_budget_cuts_the_result_that_crosses_it() -> None:
    gold = Gold(("a",), (Span("a", 1900, 2100),))
    scores = score_results(gold, [Span("b", 0, 100), Span("a", 0, 3000), Span("a", 0, 5000)])
    assert scores["tok_recall@2000ch"] == 0
    assert scores["tok_recall@4000ch"] == 1
    assert score_results(gold, [Span("a", 0, 3000)])["tok_recall@2000ch"] == 100 / 200


def test_a_span_is_found_when_half_of_it_is_covered() -> None:
    gold = Gold(("a",), (Span("a", 0, 100), Span("a", 200, 300)))
    scores = score_results(gold, [Span("a", 0, 49), Span("a", 49, 99), Span("a", 240, 300)])
    assert (scores["span_hit@1"], scores["span_hit@3"]) == (0, 1)
    assert (scores["span_recall@1"], scores["span_recall@3"]) == (0, 1)


def test_a_result_inside_a_long_span_is_relevant_and_the_next_one_adds_nothing() -> None:
    gold = Gold(("a",), (Span("a", 0, 1000),))
    scores = score_results(gold, [Span("b", 0, 10), Span("a", 0, 100), Span("a", 100, 200)])
    assert scores["span_mrr@10"] == 1 / 2
    assert scores["span_ndcg@10"] == pytest.approx(1 / log2(3))
    assert scores["span_hit@3"] == 0


def test_each_span_is_worth_one_place_in_the_ideal_order() -> None:
    gold = Gold(("a",), (Span("a", 0, 10), Span("a", 20, 30)))
    scores = score_results(gold, [Span("a", 0, 10), Span("b", 0, 5), Span("a", 20, 30)])
    assert scores["span_ndcg@10"] == pytest.approx((1 + 1 / log2(4)) / (1 + 1 / log2(3)))


def test_an_interval_holds_the_mean_and_is_always_the_same() -> None:
    interval = bootstrap([0.0, 1.0, 1.0, 0.0, 1.0])
    assert interval.low <= interval.mean == 0.6 <= interval.high
    assert interval == bootstrap([0.0, 1.0, 1.0, 0.0, 1.0])
    assert bootstrap([0.5] * 9) == Interval(0.5, 0.5, 0.5)


def test_a_summary_is_over_the_questions_that_have_the_metric() -> None:
    assert summarise([{"a": 1.0}, {"a": 0.0, "b": 1.0}])["b"].mean == 1.0
    assert summarise([]) == {}


def test_runs_are_compared_question_by_question() -> None:
    ours = {"q1": {"a": 1.0}, "q2": {"a": 0.5}, "only ours": {"a": 0.0}}
    theirs = {"q1": {"a": 0.5}, "q2": {"a": 0.0}, "only theirs": {"a": 1.0}}
    assert compare(ours, theirs) == {"a": Interval(0.5, 0.5, 0.5)}

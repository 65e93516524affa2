"""Two scales of relevance made one."""

from __future__ import annotations

import pytest

from server.finding.ranking.fusion import DENSE_SHARE, FADING, PAGE_SHARE, fuse, lift_pages


def test_words_alone_are_scaled_to_the_best() -> None:
    assert fuse([4.0, 1.0, 0.0], [None, None, None]) == [1.0, 0.25, 0.0]


def test_both_scales_are_added_by_their_shares() -> None:
    words, meaning = 1 - DENSE_SHARE, DENSE_SHARE
    assert fuse([2.0, 1.0, 0.0], [0.2, 0.6, 0.4]) == pytest.approx([words, words / 2 + meaning, meaning / 2])


def test_a_place_without_a_cosine_is_as_far_as_the_furthest_that_has_one() -> None:
    assert fuse([1.0, 1.0, 1.0], [None, 0.3, 0.5])[0] == fuse([1.0, 1.0, 1.0], [None, 0.3, 0.5])[1]


def test_no_word_shared_leaves_the_order_to_meaning() -> None:
    scores = fuse([0.0, 0.0], [0.3, 0.8])
    assert scores[1] > scores[0]


def test_nothing_found_is_nothing() -> None:
    assert fuse([], []) == []
    assert lift_pages([], [], []) == []


def test_a_page_full_of_good_places_beats_a_page_with_one() -> None:
    scores = lift_pages([0.8, 0.8, 0.8], ["arm.md", "arm.md", "leg.md"], ["a1", "a2", "l1"])
    assert scores[0] == scores[1] > scores[2]


def test_page_evidence_counts_each_chunk_once_and_fades() -> None:
    one = PAGE_SHARE * (1 - FADING)
    assert lift_pages([1.0, 0.5], ["a", "a"], ["same", "same"])[0] == pytest.approx((1 + one) / (1 + PAGE_SHARE))
    assert lift_pages([1.0, 0.5], ["a", "a"], ["a1", "a2"])[0] == pytest.approx((1 + one * (1 + FADING / 2)) / (1 + PAGE_SHARE))


def test_scores_stay_between_0_and_1() -> None:
    scores = lift_pages([1.0] * 50, ["a"] * 50, [str(n) for n in range(50)])
    assert all(0 <= score <= 1 for score in scores)

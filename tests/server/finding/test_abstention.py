"""Whether the book holds the answer."""

from __future__ import annotations

import pytest

from server.finding.abstention import ENOUGH, support


def test_support_grows_with_words_and_with_meaning() -> None:
    assert support(0.2, None) < support(0.4, None) < support(0.6, None)
    assert support(0.3, -1.0) < support(0.3, 1.0) < support(0.3, 3.0)


@pytest.mark.parametrize("meaning", [None, 0.0])
def test_a_question_with_no_word_of_the_book_is_declined(meaning: float | None) -> None:
    assert support(0.0, meaning) < ENOUGH


@pytest.mark.parametrize("meaning", [None, 2.0])
def test_a_question_with_every_word_together_is_answered(meaning: float | None) -> None:
    assert support(0.9, meaning) > ENOUGH


def test_meaning_alone_can_carry_a_question_in_other_words() -> None:
    assert support(0.1, 3.5) > ENOUGH


def test_support_is_a_probability_whatever_comes() -> None:
    for words in (-1e9, 0.0, 1e9):
        for meaning in (None, -1e9, 1e9):
            assert 0 <= support(words, meaning) <= 1

"""Words of other languages as the words of the book they are cognates of."""

from __future__ import annotations

import pytest

from server.finding.query.cognates import cognate

WORDS = {"kinematics": 36, "kinetic": 8, "temperature": 19, "operation": 13, "camera": 210, "node": 40, "need": 9, "robot": 478}


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("cinemática", "kinematics"),
        ("Kinematik", "kinematics"),
        ("temperatura", "temperature"),
        ("operação", "operation"),
        ("câmera", "camera"),
        ("نوڈ", "node"),
        ("روبوٹ", "robot"),
        ("الروبوت", "robot"),
        ("रोबोट", "robot"),
        ("कैमरा", "camera"),
        ("Hauptstadt", None),
        ("चावल", None),
        ("nodo", None),
    ],
)
def test_a_term_of_the_field_is_recognised_in_another_language_and_no_other_word_is(word: str, found: str | None) -> None:
    assert cognate(word, WORDS) == found


def test_of_equally_near_words_the_most_frequent_is_taken() -> None:
    assert cognate("operaciones", {"operations": 2, "operation": 9}) == "operation"

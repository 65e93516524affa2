"""Words as the lexical index knows them."""

from __future__ import annotations

from server.finding.query.terms import Stemmer
from tests.support.small_book import WORDS


def test_terms_are_stems_in_order_without_stop_words() -> None:
    terms = Stemmer(WORDS)
    assert terms.of("The robots are walking") == terms.of("robot walks")
    assert terms.of("walk robot") == terms.of("robot walk")[::-1]


def test_every_term_of_a_text_is_in_its_index_vector() -> None:
    text = "Inverse kinematics: joint_angles of a 6-DOF arm, e.g. UR5e's; naïve façade."
    assert set(Stemmer(WORDS).of(text)) <= set(WORDS.document(text).indices)


def test_a_text_of_stop_words_has_no_terms() -> None:
    assert Stemmer(WORDS).of("what is it?") == []

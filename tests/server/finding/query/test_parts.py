"""What a question asks for one by one."""

from __future__ import annotations

import pytest

from server.finding.query.follow_up import SearchQuery
from server.finding.query.parts import split_question, split_sides
from server.finding.query.terms import Stemmer
from tests.support.small_book import WORDS

TERMS = Stemmer(WORDS)
LONG = (
    "I am an engineer in a company that builds wheeled robots with two arms. We have bought a board and a camera, and our "
    "people know Python. We read about planning. Where should the robot grasp a box that it has never seen, and how "
    "do we know whether the grasp holds?"
)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("What is a gait?", ["What is a gait?"]),
        ("Which of the topics and services are used?", ["Which of the topics and services are used?"]),
        ("What is a gait, and how do I plan one for stairs?", ["What is a gait", "how do I plan one for stairs?"]),
        ("What is in the kit, what is it worth and who is it for?", ["What is in the kit", "what is it worth who is it for?"]),
        ("What is a gait? How do I plan stairs?", ["What is a gait?", "How do I plan stairs?"]),
        (LONG, ["Where should the robot grasp a box that it has never seen", "how do we know whether the grasp holds?"]),
        ("what does the ? operator do", ["what does the ? operator do"]),
        ("", [""]),
    ],
)
def test_a_question_is_parted_where_it_asks_again(question: str, parts: list[str]) -> None:
    assert [part.text for part in split_question(SearchQuery(question), TERMS)] == parts


def test_a_part_that_points_back_leans_on_the_others() -> None:
    first, second = split_question(SearchQuery("Which camera is in the kit, and how do I mount it?"), TERMS)
    assert first.context == ""
    assert second == SearchQuery("how do I mount it?", "Which camera is in the kit")


def test_a_comparison_is_also_searched_for_by_its_sides() -> None:
    query = SearchQuery("What is the difference between topics and services?")
    assert [side.text for side in split_sides(query, TERMS)] == ["topics", "services"]

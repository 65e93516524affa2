"""What kind of answer a question asks for."""

from __future__ import annotations

import pytest

from server.models.quoting.question_kind import QuestionKind, defined_by, is_anaphoric, is_aside, read_question


def terms(text: str) -> frozenset[int]:
    return frozenset(map(hash, text.lower().split()))


def test_a_question_tells_what_kind_of_answer_it_wants() -> None:
    def kinds(text: str) -> tuple[bool, bool, bool]:
        question: QuestionKind = read_question(text, terms)
        return question.wants_definition, question.wants_steps, question.wants_code

    assert kinds("What is SLAM?") == (True, False, False)
    assert kinds("How do I set up a robot?") == (False, True, False)
    assert kinds("Show me a Python example") == (False, False, True)
    assert kinds("سلام کیا ہے؟") == (False, False, False)


def test_words_that_only_ask_are_no_terms_unless_there_are_no_others() -> None:
    assert read_question("Explain SLAM", terms).terms == terms("slam")
    assert read_question("Show example code", terms).terms == terms("show example code")


@pytest.mark.parametrize(
    ("sentence", "subject"),
    [
        ("A gait is a pattern of steps.", "A gait "),
        ("Inverse kinematics finds joint angles.", "Inverse kinematics "),
        ("The chapter that you have just been reading is long.", ""),
        ("Joint angles.", ""),
    ],
)
def test_a_definition_names_its_subject_first(sentence: str, subject: str) -> None:
    assert defined_by(sentence) == subject


@pytest.mark.parametrize(
    "text",
    ["Why?", "何？", "1. Explain how arms move.", "- Implement a filter.", "Next: Chapter 3", "Previous: A | Home"],
)
def test_tasks_questions_and_navigation_are_asides(text: str) -> None:
    assert is_aside(text)


@pytest.mark.parametrize("text", ["1. Install ROS", "Explain is a verb.", "Next, the arm moves. It stops.", "- Arms bend"])
def test_steps_and_prose_are_not(text: str) -> None:
    assert not is_aside(text)


def test_sentences_that_lean_back_are_known() -> None:
    assert is_anaphoric("It bends.")
    assert not is_anaphoric("Itineraries bend.")

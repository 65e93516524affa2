"""What English words tell of questions, headings and sentences."""

from __future__ import annotations

import pytest

from server.english import asks_about_the_book, asks_for_code, defined_by, is_anaphoric, is_announcing, is_aside


@pytest.mark.parametrize(
    "heading",
    [
        "What You Will Learn",
        "🎯 Learning Objectives",
        "Knowledge Check",
        "Practical Exercises",
        "5. Further Reading",
        "Next Steps",
    ],
)
def test_headings_that_announce_are_known(heading: str) -> None:
    assert is_announcing(heading)


@pytest.mark.parametrize(
    "heading",
    ["Machine Learning", "Exercise - build a model", "Frequently Asked Questions", "Prerequisites", "Checklist", "Goal state"],
)
def test_headings_of_sections_that_tell_are_not(heading: str) -> None:
    assert not is_announcing(heading)


@pytest.mark.parametrize(
    "question", ["What will I learn?", "Is there homework in chapter 2?", "Where are the practice questions?"]
)
def test_a_question_may_be_about_the_book(question: str) -> None:
    assert asks_about_the_book(question)
    assert not asks_about_the_book("What is a gait?")


@pytest.mark.parametrize("question", ["Show me a launch file", "What does `solve` return?", "Python example for SLAM"])
def test_a_question_may_ask_for_code(question: str) -> None:
    assert asks_for_code(question)
    assert not asks_for_code("What is a gait?")


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

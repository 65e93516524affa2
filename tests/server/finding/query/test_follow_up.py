"""What to search for when a question leans on what was said before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from server.finding.query.follow_up import SearchQuery, make_query
from server.finding.query.terms import Stemmer
from server.models.prompts import ChatMessage
from server.models.rewriting import rewriting
from server.questions import Turn
from shared.errors import ServiceError
from tests.support.small_book import WORDS

TERMS = Stemmer(WORDS)
TALK = (
    Turn(role="user", content="What is inverse kinematics used for?"),
    Turn(role="assistant", content="It computes the angles of the joints [1]."),
)


@pytest.mark.parametrize(
    "question",
    [
        "And how do I compute it?",
        "What are the disadvantages?",
        "How does the numerical one converge?",
        "How does this differ from forward kinematics of a serial manipulator?",
        "What about dynamics?",
        "Can you explain the second one?",
    ],
)
async def test_a_question_that_points_back_is_searched_with_the_one_before(question: str) -> None:
    query = await make_query(question, TALK, TERMS)
    assert query == SearchQuery(question, "What is inverse kinematics used for?")
    assert query.whole == f"What is inverse kinematics used for?\n{question}"


@pytest.mark.parametrize("question", ["Why?", "Show me the code", "Give an example of that.", "And how does it work?"])
async def test_a_question_without_a_word_of_its_own_is_one_query_with_the_one_before(question: str) -> None:
    query = await make_query(question, TALK, TERMS)
    assert query == SearchQuery(f"What is inverse kinematics used for?\n{question}")


@pytest.mark.parametrize(
    "question",
    [
        "Which sensors does a walking robot need for balance?",
        "What is a ZMP?",
        "How does SLAM work?",
        "What is a gait?",
        "Install ROS 2",
    ],
)
async def test_a_question_that_names_its_subject_stands_by_itself(question: str) -> None:
    assert await make_query(question, TALK, TERMS) == SearchQuery(question)


async def test_the_first_question_is_searched_as_it_is() -> None:
    assert await make_query("Why is it so?", (), TERMS) == SearchQuery("Why is it so?")


async def test_questions_are_followed_back_to_the_one_that_stands_by_itself() -> None:
    talk = (
        Turn(role="user", content="Which gaits can a quadruped robot walk with?"),
        *TALK,
        Turn(role="user", content="And how do I compute it?"),
    )
    query = await make_query("Is that fast?", talk, TERMS)
    assert query.context == "What is inverse kinematics used for?\nAnd how do I compute it?"


@pytest.mark.parametrize(
    ("asked", "question", "context"),
    [
        (["What is the range of a lidar?", "What does it weigh?", "Who makes it?", "Does it turn?"], "What does it cost?", [0]),
        (["What is the range of a lidar?", "What does it weigh?", "Which lasers does it have?"], "What do they cost?", [0, 2]),
        (["What is inverse kinematics?", "And what about forward kinematics?", "What solves it?"], "Is it fast?", [0, 1]),
        (["What is a lidar?", "What is a gripper?", "What does it hold?"], "And what force does it have?", [1]),
    ],
)
async def test_what_it_is_was_said_before_the_other_questions_about_it(
    asked: list[str], question: str, context: list[int]
) -> None:
    talk = [Turn(role="user", content=each) for each in asked]
    query = await make_query(question, talk, TERMS)
    assert query.context.splitlines() == [asked[n] for n in context]


async def test_with_a_model_the_model_makes_the_question_whole() -> None:
    shown: list[Sequence[ChatMessage]] = []

    async def complete(messages: Sequence[ChatMessage]) -> str:
        shown.append(messages)
        return '"How do I compute inverse kinematics?"\n'

    query = await make_query("And how do I compute it?", TALK, TERMS, rewriting(complete))
    assert query == SearchQuery("How do I compute inverse kinematics?")
    assert shown[0][-1]["content"].splitlines() == [
        "user: What is inverse kinematics used for?",
        "assistant: It computes the angles of the joints [1].",
        "last question: And how do I compute it?",
    ]


async def test_a_question_that_stands_by_itself_is_not_put_before_the_model() -> None:
    async def complete(messages: Sequence[ChatMessage]) -> str:
        raise AssertionError(messages)

    assert (await make_query("How does SLAM work?", TALK, TERMS, rewriting(complete))).text == "How does SLAM work?"


@pytest.mark.parametrize("said", ["", "  \n", "Inverse kinematics is computed with the Jacobian. " * 40])
async def test_a_model_that_does_not_ask_is_not_heeded(said: str) -> None:
    async def complete(messages: Sequence[ChatMessage]) -> str:
        return said

    query = await make_query("And how do I compute it?", TALK, TERMS, rewriting(complete))
    assert query.text == "And how do I compute it?"
    assert query.context


async def test_without_the_model_the_rule_decides() -> None:
    async def complete(messages: Sequence[ChatMessage]) -> str:
        raise ServiceError("openai", "The model is away.", transient=True)

    assert (await make_query("And how do I compute it?", TALK, TERMS, rewriting(complete))).context


async def test_a_hundred_thousand_characters_are_judged_at_once() -> None:
    for run in ("a" * 100_000, " " * 100_000, "the " * 25_000, "A-" * 50_000, "what is " * 12_500, "?" * 100_000):
        await make_query(run, TALK, TERMS)

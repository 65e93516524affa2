"""A question for what something is finds the place that says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.finding.places import Place, cut
from server.finding.ranking.definitions import definer, thing_asked
from tests.support.small_book import find_in, open_book, read


@pytest.mark.parametrize(
    ("question", "thing"),
    [
        ("What is a gait?", "gait"),
        ("What's SLAM", "SLAM"),
        ("what are costmaps?", "costmaps"),
        ("What is meant by the zero moment point?", "zero moment point"),
        ("What does ZMP stand for?", "ZMP"),
        ("What does “whole-body control” mean in robotics?", "whole-body control"),
        ("Explain inverse kinematics.", "inverse kinematics"),
        ("Define a behavior tree", "behavior tree"),
        ("What is a topic in ROS 2?", "topic"),
        ("  **what is SLAM** ??", "SLAM"),
        ("max_step_size", "max_step_size"),
        ("ros2 bag", "ros2 bag"),
    ],
)
def test_the_thing_to_be_defined_is_known(question: str, thing: str) -> None:
    assert thing_asked(question) == thing


@pytest.mark.parametrize(
    "question",
    [
        "How do I calibrate the camera?",
        "What happens when a node dies?",
        "What are the main differences between topics and services?",
        "Which planner is the fastest?",
        "What is?",
        "And why?",
        "show an example",
        "gripper with four soft fingers",
        "What is (-)?",
        "",
    ],
)
def test_other_questions_ask_for_no_definition(question: str) -> None:
    assert thing_asked(question) is None


def test_a_long_question_takes_no_long_time() -> None:
    assert thing_asked("what is " + " " * 500_000 + "(?x") is None
    assert thing_asked("what does " + "a " * 300_000 + "?") is None


def place(body: str, heading: str = "Walking") -> Place:
    (found,) = (one for chunk in read({"a.md": f"# Robots\n\n## {heading}\n\n{body}\n"}) for one in cut(chunk))
    return found


@pytest.mark.parametrize(
    "body",
    [
        "A gait is a pattern of steps.",
        "Legs move in turn. Gaits are patterns of steps.",
        "**Gait**: a pattern of steps.",
        "- *Gait* - a pattern.\n- Gait (the pattern of steps): see above.",
        "The gait, as every child knows, describes a pattern of steps.",
        "Each pattern of steps (gait) has a name.",
    ],
)
def test_a_sentence_says_what_a_thing_is(body: str) -> None:
    assert definer("gait")(place(body))


@pytest.mark.parametrize(
    "body",
    [
        "The robot changes its gait on ice.",
        "A fast gait planner is needed, and agaits are none.",
        "```python\n# A gait is a pattern of steps.\n```",
        "Choose the gait (3).",
    ],
)
def test_a_sentence_that_only_uses_it_does_not(body: str) -> None:
    assert not definer("gait")(place(body))


@pytest.mark.parametrize("heading", ["Gait", "2.1 Gaits", "What is a gait?", "🦿 Understanding Gait (and why)"])
def test_a_heading_of_its_name_with_prose_below_says_it(heading: str) -> None:
    assert definer("gait")(place("Legs move in turn.", heading))
    assert not definer("gait")(place("```python\nstep()\n```", heading))


async def test_the_place_that_says_what_it_is_comes_before_those_that_use_it(tmp_path: Path) -> None:
    code = "```python\nclass Gait:\n    gait = Gait(gait)\n```"
    pages = {
        "a.md": f"# Walking\n\n## Planner\n\n{code}\n\n## Ground\n\nChange the gait on ice.\n",
        "b.md": "# Basics\n\n## Legs\n\nLegs move in turn over many steps on the ground. A gait is a pattern of steps.\n",
    }
    async with open_book(tmp_path, pages) as index:
        results = await find_in(index).search("What is a gait?", k=3)
        others = await find_in(index).search("Which gait on ice?", k=3)

    assert results.hits[0].chunk.heading_path == ("Basics", "Legs")
    assert others.hits[0].chunk.heading_path == ("Walking", "Ground")


async def test_an_abbreviation_is_searched_for_with_the_words_it_stands_for(tmp_path: Path) -> None:
    pages = {
        "a.md": "# Balance\n\n## Terms\n\nThe Zero Moment Point (ZMP) and others are told below.\n",
        "b.md": "# Standing\n\n## Feet\n\nA robot falls once the zero moment point leaves the feet.\n",
        "c.md": "# Wheels\n\n## Ice\n\nWhen the robot falls on ice, a robot falls hard.\n",
    }
    async with open_book(tmp_path, pages) as index:
        results = await find_in(index).search("Why does the ZMP matter when a robot falls?", k=3)

    assert [hit.chunk.path for hit in results.hits].index("b.md") < [hit.chunk.path for hit in results.hits].index("c.md")

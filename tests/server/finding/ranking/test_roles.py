"""What a place of the book is there for."""

from __future__ import annotations

import pytest

from server.finding.places import cut
from server.finding.ranking.hybrid import rank
from server.finding.ranking.relevance import ScoredPlace
from server.finding.ranking.roles import Role, is_announcing, role_of, wanted_roles
from tests.support.small_book import read

PAGE = """# Arms

## What You'll Learn

1. Compute forward and inverse kinematics

## Solver

```python
class Solver:
    def solve(self, pose):
        return self.invert(pose)
```

## Summary

Inverse kinematics finds joint angles.

## Check

1. What is inverse kinematics?
2. When is it used?
"""
PLACES = {place.section.heading_path[-1]: place for chunk in read({"arms.md": PAGE}) for place in cut(chunk)}


@pytest.mark.parametrize(
    ("heading", "role"), [("What You'll Learn", "announces"), ("Solver", "lists code"), ("Summary", None), ("Check", "asks")]
)
def test_a_place_tells_asks_announces_or_lists_code(heading: str, role: Role | None) -> None:
    assert role_of(PLACES[heading]) == role


@pytest.mark.parametrize(
    ("path", "role"), [("bots/assignment.md", "announces"), ("bots/self-study.mdx", "announces"), ("bots/bots.md", None)]
)
def test_a_page_named_for_its_task_announces(path: str, role: Role | None) -> None:
    (place,) = (place for chunk in read({path: "# Make a bot\n\nMake the answers less random.\n"}) for place in cut(chunk))
    assert role_of(place) == role


def test_prose_with_a_little_code_tells() -> None:
    prose = "The solver inverts the pose of the hand and gives the angles of every joint of the arm, from the base on."
    (place,) = (place for chunk in read({"a.md": f"# A\n\n{prose}\n\n```\nsolve(pose)\n```\n"}) for place in cut(chunk))
    assert role_of(place) is None


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
    ("question", "roles"),
    [
        ("What is inverse kinematics used for?", set[str]()),
        ("What will I learn in this chapter?", {"asks", "announces"}),
        ("How does the robot learn to walk?", set[str]()),
        ("Show me an example of a launch file", {"lists code"}),
        ("How do I solve for the angles?", {"lists code"}),
        ("What does `solve` return?", {"lists code"}),
    ],
)
def test_a_question_may_ask_for_a_role(question: str, roles: set[str]) -> None:
    assert wanted_roles(question) == roles


def test_what_tells_comes_before_what_does_not_unless_that_is_asked_for() -> None:
    scored = [ScoredPlace(place, 1.0, None) for place in PLACES.values()]
    names = [one.place.section.heading_path[-1] for one in rank(scored)]
    assert names == ["Summary", "Solver", "What You'll Learn", "Check"]
    assert next(one.place.section.heading_path[-1] for one in rank(scored, {"announces"})) == "What You'll Learn"
    assert {one.place.section.heading_path[-1] for one in rank(scored) if one.listing} == {"Solver"}
    assert not any(one.listing for one in rank(scored, {"lists code"}))

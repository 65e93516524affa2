"""Which headings name what stands below them."""

from __future__ import annotations

import pytest

from shared.language.topics import is_announcing


@pytest.mark.parametrize(
    "heading",
    [
        "What You Will Learn",
        "🎯 Learning Objectives",
        "Knowledge Check",
        "Practical Exercises",
        "5. Further Reading",
        "References and Citations",
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

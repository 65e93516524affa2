"""Where to go on from an answer."""

from __future__ import annotations

from server.answering.suggestions import suggest
from server.finding.passages import Passage
from shared.models import Section
from tests.support.fakes import make_chunk


def passage(n: int, *headings: str) -> Passage:
    """A passage whose first heading is the one cited; the others are further sections of its chunk."""
    sections = tuple(
        Section(start=0, heading_path=("Robots", heading), anchor=None, url="/", blocks=()) for heading in headings
    )
    chunk = make_chunk(heading=headings[0], n=n).model_copy(update={"sections": sections})
    return Passage(n=n, chunk=chunk, score=1.0, url=chunk.url, heading_path=("Robots", headings[0]))


def test_sections_inside_what_was_cited_come_before_the_other_passages() -> None:
    passages = [passage(1, "Arms"), passage(2, "Legs", "Feet"), passage(3, "Wheels")]
    assert suggest(passages, cited=(2,)) == ("Feet", "Arms", "Wheels")


def test_what_was_cited_is_not_suggested_and_nothing_twice() -> None:
    assert suggest([passage(1, "Arms"), passage(2, "Arms"), passage(3, "Arms", "Arms")], cited=(3,)) == ()


def test_three_are_enough_and_names_that_say_nothing_are_left_out() -> None:
    names = [
        "Summary",
        "What You'll Learn",
        "Practical Exercises",
        "Conceptual Questions",
        "Arms",
        "Introduction to Gaits",
        "Legs",
        "Feet",
        "Hands",
    ]
    assert suggest([passage(n, name) for n, name in enumerate(names, 1)], cited=()) == ("Arms", "Legs", "Feet")


def test_a_page_is_not_suggested_by_its_title() -> None:
    whole = passage(1, "Arms").model_copy(update={"heading_path": ("Robots",)})
    assert suggest([whole], cited=()) == ()

"""Where to go on from an answer, and where to begin."""

from __future__ import annotations

import pytest

from server.answering.suggestions import questions_about, suggest
from server.finding.passages import Passage
from shared.models import Chunk, ChunkBlock, Section
from tests.support.fakes import make_chunk


def chunk(*headings: str, text: str = "It moves.", kind: str = "paragraph", n: int = 0) -> Chunk:
    """A chunk with a section of `text` below each heading of the page "Robots"."""
    blocks = (ChunkBlock(kind, 0, 1, 0, 1),)  # type: ignore[arg-type]
    sections = tuple(
        Section(start=i * len(text), heading_path=("Robots", heading), anchor=None, url="/", blocks=blocks)
        for i, heading in enumerate(headings)
    )
    whole = text * len(headings)
    values = {"sections": sections, "text": whole, "start": 0, "end": len(whole)}
    return make_chunk(heading=headings[0], n=n).model_copy(update=values)


def passage(n: int, *headings: str) -> Passage:
    """A passage whose first heading is the one cited; the others are further sections of its chunk."""
    held = chunk(*headings, n=n)
    return Passage(n=n, chunk=held, score=1.0, url=held.url, heading_path=("Robots", headings[0]))


def about(*headings: str) -> tuple[str, ...]:
    return tuple(f"What does the book say about “{heading}”?" for heading in headings)


def test_sections_inside_what_was_cited_come_before_the_other_passages() -> None:
    passages = [passage(1, "Arms"), passage(2, "Legs", "Feet"), passage(3, "Wheels")]
    assert suggest(passages, cited=(2,)) == about("Feet", "Arms", "Wheels")


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
    assert suggest([passage(n, name) for n, name in enumerate(names, 1)], cited=()) == about("Arms", "Legs", "Feet")


def test_a_page_is_not_suggested_by_its_title() -> None:
    held = chunk("Arms")
    top = held.model_copy(update={"sections": (held.sections[0].model_copy(update={"heading_path": ("Robots",)}),)})
    assert questions_about([top], 4) == ()


@pytest.mark.parametrize(
    ("heading", "text", "question"),
    [
        ("Inverse Kinematics", "Inverse kinematics is the way back.", "What is Inverse Kinematics?"),
        ("Links", "The links are rigid.", "What are Links?"),
        ("IMU", "An IMU (inertial measurement unit) is a sensor.", "What is IMU?"),
        ("3.2 Joints", "Joints are what moves.", "What are Joints?"),
        ("Chapter 6: Gaits", "A walk.", "What does the book say about “Gaits”?"),
        ("🤖 Arms", "A walk.", "What does the book say about “Arms”?"),
        ("How do robots walk?", "On legs.", "How do robots walk?"),
        ("Create a Document", "Make a file.", "What does the book say about “Create a Document”?"),
        ("ROS 2", "Here ROS 2 is new.", "What is ROS 2?"),
        ("C++ (modern)", "C++ (modern) is fast.", "What is C++ (modern)?"),
    ],
)
def test_a_heading_becomes_a_question_by_the_books_own_verb(heading: str, text: str, question: str) -> None:
    assert questions_about([chunk(heading, text=text)], 4) == (question,)


def test_a_section_of_code_alone_is_nothing_to_ask_about() -> None:
    assert questions_about([chunk("Arms", kind="fence")], 4) == ()

"""Pages named by their number, and questions about them over a real index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.finding.numbered_pages import TitledPage, find_numbered, names_alike, without_numbers
from server.questions import ChatRequest
from shared.index.embedded.index import EmbeddedIndex
from tests.support.small_book import find_in, open_book

TITLED = [
    TitledPage("intro.md", "What this book is for"),
    TitledPage("part-1/chapter-2-arms.md", "Chapter 2: Arms"),
    TitledPage("part-1/chapter-10-legs.md", "Legs"),
    TitledPage("part-2/chapter-11-eyes.md", "Eyes"),
    TitledPage("part-2/ros-2-nodes.md", "ROS 2 in 3 steps"),
    TitledPage("part-2/2-hands.md", "Hands"),
]
CHAPTERS = {
    "Summarize chapter 10": ["part-1/chapter-10-legs.md"],
    "What is in ch. 10?": ["part-1/chapter-10-legs.md"],
    "Was steht in Kapitel 10?": ["part-1/chapter-10-legs.md"],
    "Que dit le chapitre 10 ?": ["part-1/chapter-10-legs.md"],
    "¿Qué dice el capítulo 10?": ["part-1/chapter-10-legs.md"],
    "O que diz o capítulo 10?": ["part-1/chapter-10-legs.md"],
    "باب 10 میں کیا ہے؟": ["part-1/chapter-10-legs.md"],
    "باب ۱۰ میں کیا ہے؟": ["part-1/chapter-10-legs.md"],
    "ماذا يقول الفصل 10؟": ["part-1/chapter-10-legs.md"],
    "अध्याय 10 में क्या है?": ["part-1/chapter-10-legs.md"],
    "第10章讲了什么？": ["part-1/chapter-10-legs.md"],
    "What is chapter 2 about?": ["part-1/chapter-2-arms.md"],
    "What is in part 1?": ["part-1/chapter-2-arms.md", "part-1/chapter-10-legs.md"],
    "What is in part 2, chapter 11?": ["part-2/chapter-11-eyes.md"],
    "Summarize part 2, chapter 2": ["part-2/2-hands.md"],
    "Summarize chapter 12": [],
    "What is ROS 2?": [],
    "What costs 10 euros?": [],
    "What changed in chapter 10.2?": [],
}


@pytest.mark.parametrize("question", CHAPTERS)
def test_a_number_names_the_page_whose_title_else_file_or_folder_has_it(question: str) -> None:
    assert find_numbered(TITLED, question) == CHAPTERS[question]


def test_a_name_is_not_searched_for_and_other_numbers_are() -> None:
    assert without_numbers("What does chapter 10 say about ROS 2?") == "What does say about ROS 2?"


@pytest.mark.parametrize(("question", "heading"), [("summarize", "Summary"), ("zusammenfassen", "Zusammenfassung")])
def test_a_heading_says_what_is_wanted_in_another_form_of_the_word(question: str, heading: str) -> None:
    assert names_alike(question, ("A page", heading))
    assert not names_alike(question, (heading, "A section"))


PAGES = {
    "chapter-1-arms.md": "# Arms\n\nAn arm has six joints.\n\n## Speed\n\nThe speed of the arm is two meters a second.\n",
    "chapter-2-legs.md": "# Legs\n\nA leg has three motors.\n\n## Speed\n\nThe speed of the leg is four meters a second.\n"
    + "".join(f"\n## Motor {n}\n\nThe motor number {n} turns the knee of the robot.\n" for n in range(40))
    + "\n## Summary\n\nLegs are quick.\n",
}


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EmbeddedIndex]:
    async with open_book(tmp_path, PAGES) as index:
        yield index


async def first(index: EmbeddedIndex, question: str) -> tuple[str, str, bool]:
    """The page and the heading of the first passage, and whether there is an answer."""
    found = await find_in(index).retrieve(ChatRequest(question=question))
    passage = found.passages[0]
    return passage.chunk.path, passage.heading_path[-1], found.answerable


async def test_a_chapter_is_summed_up_by_its_summary_else_by_its_beginning(index: EmbeddedIndex) -> None:
    assert await first(index, "Summarize chapter 2") == ("chapter-2-legs.md", "Summary", True)
    assert await first(index, "What is in chapter 2?") == ("chapter-2-legs.md", "Legs", True)
    assert await first(index, "Summarize chapter 1") == ("chapter-1-arms.md", "Arms", True)


async def test_a_question_in_another_language_that_shares_no_word_gets_the_chapter_from_its_beginning(
    index: EmbeddedIndex,
) -> None:
    assert await first(index, "¿Qué dice el capítulo 2?") == ("chapter-2-legs.md", "Legs", True)


async def test_a_question_about_something_in_a_chapter_is_answered_from_it(index: EmbeddedIndex) -> None:
    assert await first(index, "How many meters a second is the speed in chapter 1?") == ("chapter-1-arms.md", "Speed", True)
    assert await first(index, "How many meters a second is the speed in chapter 2?") == ("chapter-2-legs.md", "Speed", True)


async def test_a_chapter_that_is_not_there_is_not_answered_from_another(index: EmbeddedIndex) -> None:
    found = await find_in(index).retrieve(ChatRequest(question="Summarize chapter 7"))
    assert not found.answerable

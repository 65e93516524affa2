"""Questions to begin with, of a real index."""

from __future__ import annotations

from pathlib import Path

from server.answering.openings import OPENINGS, Openings
from tests.support.small_book import open_book


async def test_each_question_is_about_another_page_and_from_all_over_the_book(tmp_path: Path) -> None:
    pages = {
        f"{n:02}.md": f"# Page {n}\n\nWords.\n\n## Topic {n}\n\nTopic {n} is a thing.\n\n## Quiz\n\nAsk.\n" for n in range(40)
    }
    async with open_book(tmp_path, pages) as index:
        questions = await Openings(index).questions()
    numbers = [int(question.removeprefix("What is Topic ").removesuffix("?")) for question in questions]
    assert len(numbers) == OPENINGS
    assert numbers == sorted(numbers)
    assert numbers[-1] - numbers[0] >= 24


async def test_a_book_of_one_page_has_one_and_a_book_without_headings_none(tmp_path: Path) -> None:
    async with open_book(tmp_path / "one", {"a.md": "# A\n\n## B\n\nB is b.\n"}) as index:
        assert await Openings(index).questions() == ("What is B?",)
    async with open_book(tmp_path / "none", {"a.md": "Words.\n"}) as index:
        assert await Openings(index).questions() == ()


async def test_on_a_page_they_are_about_the_page(tmp_path: Path) -> None:
    pages = {
        "arms.md": "# Arms\n\n## Joints\n\nJoints are what moves.\n",
        "legs.md": "# Legs\n\n## Feet\n\nFeet are flat.\n",
        "x.md": "# X\n",
    }
    async with open_book(tmp_path, pages) as index:
        openings = Openings(index)
        assert await openings.questions("https://example.github.io/docs/arms#joints") == ("What are Joints?",)
        assert await openings.questions("https://elsewhere.example/nothing") == ("What are Joints?", "What are Feet?")
        assert await openings.questions("/docs/x") == ("What are Joints?", "What are Feet?")

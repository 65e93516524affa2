"""A reader's words as the book spells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.finding.query.spelling import Spelling, is_slip
from server.finding.query.terms import Frequencies, Stemmer
from server.questions import ChatRequest
from shared.index.embedded.index import EmbeddedIndex
from shared.index.embedded.snapshot import EmbeddedSnapshot
from tests.support.small_book import WORDS, find_in, open_book

PAGES = {
    "arm.md": "# Kinematics\n\nInverse kinematics computes the angles of the joints. Domain randomization helps.\n",
    "tree.md": "# Behavior trees\n\nA behavior tree says what a robot does. A unit is a leaf. Frames move. Framed, framed.\n",
}


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EmbeddedIndex]:
    async with open_book(tmp_path, PAGES) as index:
        yield index


@pytest.mark.parametrize(
    ("asked", "searched"),
    [
        ("What is invers kinematcs?", "What is inverse kinematics?"),
        ("domain randomisation", "domain randomization"),
        ("Which joins move?", "Which joints move?"),
        ("Which fram moves?", "Which fram moves?"),
        ("Explain behaviour trees", "Explain behavior trees"),
        ("What is inverse kinematics?", "What is inverse kinematics?"),
        ("Is Unity better?", "Is Unity better?"),
        ("Kinematcs?", "kinematics?"),
        ("Who is Inversa?", "Who is Inversa?"),
        ("What is the capital of France?", "What is the capital of France?"),
        ("How does photosynthesis work?", "How does photosynthesis work?"),
        ("سلام دنیا", "سلام دنیا"),
    ],
)
async def test_a_word_the_book_lacks_becomes_one_it_has_that_is_nearly_the_same(
    index: EmbeddedIndex, asked: str, searched: str
) -> None:
    terms = Stemmer(WORDS)
    async with index.snapshot() as snapshot:
        assert await Spelling(index, terms, Frequencies(WORDS), "english").correct(snapshot, asked) == searched


async def test_the_words_of_a_build_are_read_once_however_many_ask(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = 0
    read = EmbeddedSnapshot.contents

    async def counted(self: EmbeddedSnapshot) -> AsyncIterator[list[str]]:
        nonlocal readings
        readings += 1
        async for texts in read(self):
            yield texts

    monkeypatch.setattr(EmbeddedSnapshot, "contents", counted)
    spelling = Spelling(index, Stemmer(WORDS), Frequencies(WORDS), "english")
    async with index.snapshot() as snapshot:
        asked = await asyncio.gather(*(spelling.correct(snapshot, "kinematcs") for _ in range(9)))
    assert (readings, set(asked)) == (1, {"kinematics"})


async def test_nobody_waits_for_a_book_that_takes_long_to_read(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    go = asyncio.Event()
    read = EmbeddedSnapshot.contents

    async def slow(self: EmbeddedSnapshot) -> AsyncIterator[list[str]]:
        await go.wait()
        async for texts in read(self):
            yield texts

    monkeypatch.setattr(EmbeddedSnapshot, "contents", slow)
    monkeypatch.setattr("server.finding.query.spelling.WAIT_S", 0.01)
    spelling = Spelling(index, Stemmer(WORDS), Frequencies(WORDS), "english")
    async with index.snapshot() as snapshot:
        assert await spelling.correct(snapshot, "kinematcs") == "kinematcs"
        go.set()
        monkeypatch.setattr("server.finding.query.spelling.WAIT_S", 60)
        assert await spelling.correct(snapshot, "kinematcs") == "kinematics"
    await spelling.aclose()


@pytest.mark.parametrize("other", ["kinematcs", "kinnematics", "kinenatics", "kinmeatics", "kinematic"])
def test_a_slip_is_a_letter_more_less_or_another_or_two_swapped(other: str) -> None:
    assert is_slip("kinematics", other)
    assert is_slip(other, "kinematics")


@pytest.mark.parametrize(("one", "other"), [("president", "present"), ("missing", "mission"), ("planner", "planets")])
def test_two_slips_are_another_word(one: str, other: str) -> None:
    assert not is_slip(one, other)


@pytest.mark.parametrize(("one", "other"), [("driver", "driven"), ("starter", "started")])
def test_another_ending_is_another_word(one: str, other: str) -> None:
    assert not is_slip(one, other)


async def test_in_a_long_question_words_the_book_has_stay_as_they_are(index: EmbeddedIndex) -> None:
    strangers = " ".join(f"stranger{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(80))
    async with index.snapshot() as snapshot:
        question = f"what {strangers} frames"
        assert await Spelling(index, Stemmer(WORDS), Frequencies(WORDS), "english").correct(snapshot, question) == question


async def test_a_misspelt_question_is_answered_and_says_what_was_searched_for(index: EmbeddedIndex) -> None:
    passages = await find_in(index).retrieve(ChatRequest(question="whats invers kinematcs"))
    assert passages.answerable
    assert passages.query == passages.question == "whats inverse kinematics"
    found = await find_in(index).search("kinematcs", k=1)
    assert (found.query, found.hits[0].chunk.path) == ("kinematics", "arm.md")

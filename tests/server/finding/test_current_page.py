"""Questions about the page they are asked on, over a real index."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.finding.current_page import PageAddresses, points_at_page, without_pointer
from server.finding.query.terms import Stemmer
from server.questions import ChatRequest, Turn
from shared.index.embedded.index import EmbeddedIndex
from tests.conftest import MEASURING_DATA
from tests.support.small_book import WORDS, find_in, open_book

BASE = "https://robots.example/book/docs/"
PAGES = {
    "arm.md": "# Arms\n\nAn arm has six joints.\n\n## Speed\n\nThe speed of the arm is two meters a second.\n",
    "leg.md": "# Legs\n\nA leg has three motors.\n\n## Speed\n\nThe speed of the leg is four meters a second.\n",
    "part/eye.md": "---\nslug: /seeing\n---\n\n# Eyes\n\nAn eye is a camera.\n",
}
TERMS = Stemmer(WORDS)
HISTORY = (Turn(role="user", content="What is a leg?"), Turn(role="assistant", content="A limb."))


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EmbeddedIndex]:
    async with open_book(tmp_path, PAGES) as index:
        yield index


async def pages(index: EmbeddedIndex, question: str, page: str | None, k: int = 5) -> list[str]:
    """The file of each passage, best first."""
    found = await find_in(index).retrieve(ChatRequest(question=question, page_url=page, k=k))
    return [passage.chunk.path for passage in found.passages]


POINTING = [
    "What does this page say about speed?",
    "How fast is it in this chapter?",
    "Summarize this section",
    "What is explained here?",
    "What is meant here",
    "What does it mean?",
    "Why?",
    "¿Qué dice esta página sobre la velocidad?",
    "Que dit cette page ?",
    "Was steht auf dieser Seite?",
    "Cosa dice questa pagina?",
    "Bu sayfada ne anlatılıyor?",
    "О чём эта страница?",
    "ما موضوع هذه الصفحة؟",
    "اس باب کا خلاصہ کریں",
    "इस अध्याय में क्या है?",
    "这一章讲了什么？",
    "このページは何について？",
]
ORDINARY = [
    "What is the speed of the arm?",
    "How do I add a page to a book?",
    "What is page rank?",
    "Where is the motor?",
    "Is there a chapter on legs?",
    "How does it move?",
    "Which sensors are there, and what are they for?",
]


@pytest.mark.parametrize("question", POINTING)
def test_a_question_that_says_so_points_at_the_page(question: str) -> None:
    assert points_at_page(ChatRequest(question=question, page_url="/leg"), TERMS)
    assert not points_at_page(ChatRequest(question=question), TERMS)
    assert not points_at_page(ChatRequest(question=question, page_url="/leg", selected_text="A leg."), TERMS)


@pytest.mark.parametrize("question", ORDINARY)
def test_an_ordinary_question_does_not(question: str) -> None:
    assert not points_at_page(ChatRequest(question=question, page_url="/leg"), TERMS)


def test_a_pronoun_that_has_something_before_it_points_there() -> None:
    assert not points_at_page(ChatRequest(question="What does it mean?", page_url="/leg", history=HISTORY), TERMS)


def test_what_points_is_not_searched_for() -> None:
    assert without_pointer("What does this page say about speed?") == "What does say about speed?"


@pytest.mark.parametrize(("address", "first"), [("arm", "arm.md"), ("leg", "leg.md")])
async def test_the_page_being_read_comes_first_when_it_is_pointed_at(index: EmbeddedIndex, address: str, first: str) -> None:
    assert (await pages(index, "What does this page say about speed?", BASE + address))[0] == first
    assert set(await pages(index, "Summarize this page", BASE + address)) == {first}
    assert set(await pages(index, "What does it mean?", BASE + address)) == {first}


async def test_whatever_page_is_read_an_ordinary_question_finds_the_same(index: EmbeddedIndex) -> None:
    finder = find_in(index)
    for question in ORDINARY:
        found = [
            await finder.retrieve(ChatRequest(question=question, page_url=page))
            for page in (None, BASE + "arm", BASE + "leg", "https://elsewhere.example/")
        ]
        assert found == [found[0]] * 4


async def test_a_page_that_does_not_say_leaves_room_for_those_that_do(index: EmbeddedIndex) -> None:
    found = await pages(index, "How many motors does this chapter give to a leg?", BASE + "seeing")
    assert "leg.md" in found


async def test_a_page_of_the_book_can_be_summed_up_and_one_that_is_none_is_passed_over(index: EmbeddedIndex) -> None:
    asked = ChatRequest(question="Summarize this page", page_url=BASE + "seeing")
    summed_up = await find_in(index).retrieve(asked)
    assert (summed_up.answerable, [passage.chunk.path for passage in summed_up.passages]) == (True, ["part/eye.md"])
    elsewhere = asked.model_copy(update={"page_url": "https://robots.example/imprint"})
    without = asked.model_copy(update={"page_url": None})
    assert await find_in(index).retrieve(elsewhere) == await find_in(index).retrieve(without)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (BASE + "arm", "arm.md"),
        (BASE + "arm/?x=1#speed", "arm.md"),
        ("http://localhost:3000/book/docs/leg", "leg.md"),
        ("/docs/leg", "leg.md"),
        ("/leg", "leg.md"),
        ("leg", "leg.md"),
        (BASE + "seeing", "part/eye.md"),
        ("/", None),
        ("", None),
        ("/book/docs/legs", None),
        ("eg", None),
    ],
)
async def test_a_page_is_known_by_its_address_or_the_end_of_it(index: EmbeddedIndex, address: str, path: str | None) -> None:
    async with index.snapshot() as snapshot:
        assert await PageAddresses().find(snapshot, address) == path


SETS = {"eval/anthropic_docs": 0, "eval/chroma_general": 0, "eval/ml_beginners": 2}


@pytest.mark.parametrize("name", SETS)
def test_questions_of_the_evaluation_sets_point_at_no_page_but_where_they_say_this_lesson(name: str) -> None:
    file = MEASURING_DATA / name / "questions.jsonl"
    if not file.is_file():
        pytest.skip("the evaluation sets are not beside the checkout")
    questions = [json.loads(line)["question"] for line in file.read_text(encoding="utf-8").splitlines()]
    pointing = [one for one in questions if points_at_page(ChatRequest(question=one, page_url="/x"), TERMS)]
    assert len(pointing) == SETS[name]
    assert all("in this lesson" in one or "on this lesson" in one for one in pointing)

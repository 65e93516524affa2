"""From a question to passages, and from a query to results, over a real index."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from flows.splitting.split import ChunkLimits
from server.finding.abstention import ENOUGH_WITH_UNKNOWN, ENOUGH_WITH_UNKNOWN_NAME
from server.finding.passages import Passages
from server.finding.ranking import hybrid
from server.finding.retriever import MAX_TOKENS
from server.questions import ChatRequest, Turn
from shared.errors import NotBuiltError
from shared.index.embedded.index import EmbeddedIndex
from shared.index.port import Filter
from tests.support.small_book import WORDS, Concepts, find_in, open_book

PAGES = {
    "arm/kinematics.md": """# Kinematics

## Forward

Forward kinematics computes where the hand is from the angles of the joints.

## Inverse

Inverse kinematics computes the angles of the joints that bring the hand to a target.

## Check yourself

What is inverse kinematics used for?
""",
    "arm/gripper.md": "# Gripper\n\nA gripper closes on the part. Its force is measured by a load cell.\n",
    "leg/balance.md": "# Balance\n\nA walking robot keeps its zero moment point in the foot.\n\n## Gyroscope\n\nIt drifts.\n",
    "leg/motor.md": "# Motor\n\nEach leg has three brushless motors with planetary gears.\n",
}
MODEL = Concepts(["gripper", "grasp", "hold", "holding", "fingers"], ["motor", "motors", "engine", "drive"], ["kinematics"])


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EmbeddedIndex]:
    async with open_book(tmp_path, PAGES, model=MODEL) as index:
        yield index


def addresses(passages: Passages) -> list[str]:
    return [passage.url.removeprefix("https://robots.example/book/docs/") for passage in passages.passages]


async def test_a_result_is_the_section_that_says_it_at_its_heading(index: EmbeddedIndex) -> None:
    first, *_ = (await find_in(index).search("What is inverse kinematics?", k=3)).hits
    assert first.chunk.url == "https://robots.example/book/docs/arm/kinematics#inverse"
    assert first.chunk.heading_path == ("Kinematics", "Inverse")
    source = PAGES["arm/kinematics.md"]
    assert source[first.chunk.start : first.chunk.end] == first.chunk.text
    assert first.chunk.text.startswith("## Inverse")


async def test_results_are_scored_from_0_to_1_best_first(index: EmbeddedIndex) -> None:
    scores = [hit.score for hit in (await find_in(index, MODEL).search("kinematics of the hand", k=10)).hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_no_place_is_shown_twice(index: EmbeddedIndex) -> None:
    hits = (await find_in(index, MODEL).search("robot hand kinematics gripper motor", k=50)).hits
    ranges = sorted((hit.chunk.path, hit.chunk.start, hit.chunk.end) for hit in hits)
    assert all(one[0] != two[0] or one[2] <= two[1] for one, two in itertools.pairwise(ranges))


async def test_a_search_can_be_restricted_to_a_folder(index: EmbeddedIndex) -> None:
    hits = (await find_in(index, MODEL).search("kinematics", k=10, where=Filter(folders=("leg",)))).hits
    assert {hit.chunk.path.split("/")[0] for hit in hits} == {"leg"}


async def test_other_words_with_the_same_meaning_are_found(index: EmbeddedIndex) -> None:
    first, *_ = (await find_in(index, MODEL).search("fingers holding", k=3)).hits
    assert first.chunk.path == "arm/gripper.md"
    assert (await find_in(index).search("fingers holding", k=3)).hits == ()


async def test_while_the_model_is_away_words_are_searched_and_the_answer_is_marked(index: EmbeddedIndex) -> None:
    away = find_in(index, Concepts(*MODEL.concepts, is_away=True))
    passages = await away.retrieve(ChatRequest(question="What does the gripper close on?"))
    assert passages.degraded
    assert addresses(passages)[0] == "arm/gripper"
    found = await away.search("gripper", k=1)
    assert found.degraded
    assert found.hits == (await find_in(index).search("gripper", k=1)).hits
    assert not (await find_in(index, MODEL).retrieve(ChatRequest(question="gripper"))).degraded


async def test_a_lexical_build_asks_no_model(tmp_path: Path) -> None:
    model = Concepts(["gripper"])
    async with open_book(tmp_path, PAGES) as index:
        assert not (await find_in(index, model).retrieve(ChatRequest(question="gripper"))).degraded
    assert model.asked == []


async def test_a_model_that_knows_only_english_is_not_asked_in_another_language(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hybrid, "ENGLISH_MODELS", {MODEL.name})
    model = Concepts(*MODEL.concepts)
    spanish = await find_in(index, model).search("¿Qué es la cinemática inversa?", k=3)
    assert (model.asked, spanish.degraded) == ([], False)
    assert spanish.hits[0].chunk.heading_path[0] == "Kinematics"
    await find_in(index, model).search("What is inverse kinematics?", k=3)
    assert model.asked == ["What is inverse kinematics?"]


async def test_a_passage_is_the_chunk_around_the_section_pinned_to_its_heading(index: EmbeddedIndex) -> None:
    passages = await find_in(index).retrieve(ChatRequest(question="What is inverse kinematics?"))
    first = passages.passages[0]
    assert first.url.endswith("#inverse")
    assert first.heading_path == ("Kinematics", "Inverse")
    assert "Forward kinematics computes" in first.chunk.text
    assert addresses(passages) == list(dict.fromkeys(addresses(passages)))


async def test_a_quiz_that_repeats_the_question_does_not_answer_it(index: EmbeddedIndex) -> None:
    first, *_ = (await find_in(index).search("What is inverse kinematics used for?", k=3)).hits
    assert first.chunk.heading_path[-1] == "Inverse"


async def test_passages_are_numbered_from_1_and_at_most_k(index: EmbeddedIndex) -> None:
    passages = (await find_in(index, MODEL).retrieve(ChatRequest(question="the robot's gripper and motor", k=2))).passages
    assert [passage.n for passage in passages] == [1, 2]


async def test_passages_stay_within_the_budget_but_the_first_is_always_there(tmp_path: Path) -> None:
    long = "\n\n".join(f"Gripper {n} closes on the part and waits for load cell {n * 7} to settle. " * 9 for n in range(40))
    pages = {f"{n}.md": f"# Page {n}\n\n{long}" for n in range(3)}
    async with open_book(tmp_path, pages, limits=ChunkLimits.up_to(1000)) as index:
        passages = (await find_in(index).retrieve(ChatRequest(question="gripper load cell", k=20))).passages
    assert 1 <= len(passages) < 20
    assert sum(passage.chunk.tokens for passage in passages) <= MAX_TOKENS


async def test_a_question_the_book_answers_is_answerable_and_another_is_not(index: EmbeddedIndex) -> None:
    for retriever in (find_in(index), find_in(index, MODEL)):
        assert (await retriever.retrieve(ChatRequest(question="What does inverse kinematics compute?"))).answerable
        bread = await retriever.retrieve(ChatRequest(question="How long does sourdough bread rise overnight?"))
        assert not bread.answerable
        assert bread.support < 0.3


async def test_a_search_says_how_likely_the_book_holds_the_answer(index: EmbeddedIndex) -> None:
    compute = await find_in(index).search("What does inverse kinematics compute?", k=3)
    bread = await find_in(index).search("How long does sourdough bread rise overnight?", k=3)
    assert (compute.answerable, bread.answerable) == (True, False)
    assert compute.support > 0.3 > bread.support
    assert not (await find_in(index, enough=1.0).search("What does inverse kinematics compute?", k=3)).answerable


async def test_a_question_that_names_what_the_book_does_not_have_needs_more_support(index: EmbeddedIndex) -> None:
    at_ease = find_in(index, enough=0.0)
    named = await at_ease.retrieve(ChatRequest(question="Which sourdough does the gripper bake overnight?"))
    known = await at_ease.retrieve(ChatRequest(question="What is measured?"))
    assert named.support < ENOUGH_WITH_UNKNOWN
    assert (named.answerable, known.answerable) == (False, True)


async def test_a_name_the_book_does_not_have_needs_more_than_another_word(index: EmbeddedIndex) -> None:
    at_ease = find_in(index, enough=0.0)
    named = await at_ease.retrieve(ChatRequest(question="Which brushless planetary gears does Pepper have?"))
    worded = await at_ease.retrieve(ChatRequest(question="Which brushless planetary gears does pepper have?"))
    assert ENOUGH_WITH_UNKNOWN <= named.support == worded.support < ENOUGH_WITH_UNKNOWN_NAME
    assert (named.answerable, worded.answerable) == (False, True)


async def test_a_question_without_words_finds_nothing_and_raises_nothing(index: EmbeddedIndex) -> None:
    passages = await find_in(index).retrieve(ChatRequest(question="?!"))
    assert (passages.passages, passages.answerable) == ((), False)


async def test_a_follow_up_is_searched_with_its_topic_and_says_so(index: EmbeddedIndex) -> None:
    talk = (Turn(role="user", content="What is the zero moment point?"), Turn(role="assistant", content="A point."))
    passages = await find_in(index).retrieve(ChatRequest(question="Where is it kept?", history=talk))
    assert addresses(passages)[0] == "leg/balance"
    assert passages.query == "What is the zero moment point?\nWhere is it kept?"


async def test_a_model_rewrites_the_follow_up(index: EmbeddedIndex) -> None:
    async def rewrite(question: str, history: Sequence[Turn]) -> str:
        return f"{question} gripper, after {len(history)} turn"

    talk = (Turn(role="user", content="What is the zero moment point?"),)
    passages = await find_in(index, rewrite=rewrite).retrieve(ChatRequest(question="And the force of it?", history=talk))
    assert passages.query == "And the force of it? gripper, after 1 turn"
    assert addresses(passages)[0] == "arm/gripper"


async def test_the_selected_section_comes_first_and_the_question_is_the_query(index: EmbeddedIndex) -> None:
    request = ChatRequest(
        question="Which motors does a leg have?", selected_text="Forward kinematics computes where the hand is", k=3
    )
    passages = await find_in(index).retrieve(request)
    assert passages.query == request.question
    assert addresses(passages)[:2] == ["arm/kinematics#forward", "leg/motor"]
    assert passages.answerable


async def test_a_question_about_nothing_but_the_selection_brings_nothing_else(index: EmbeddedIndex) -> None:
    request = ChatRequest(question="What does this mean?", selected_text="A gripper closes on the part.")
    passages = await find_in(index, MODEL).retrieve(request)
    assert addresses(passages) == ["arm/gripper"]
    assert passages.answerable


async def test_a_selection_that_is_not_in_the_book_is_left_aside(index: EmbeddedIndex) -> None:
    request = ChatRequest(question="What does the gripper close on?", selected_text="Sourdough bread rises overnight.")
    assert addresses(await find_in(index).retrieve(request))[0] == "arm/gripper"


async def test_without_a_build_it_says_so(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, WORDS)
    with pytest.raises(NotBuiltError):
        await find_in(index).search("gripper", k=1)
    await index.aclose()


async def test_words_that_only_ask_decide_no_follow_up(index: EmbeddedIndex) -> None:
    talk = (Turn(role="user", content="What is forward kinematics?"), Turn(role="assistant", content="Joints to hand."))
    passages = await find_in(index).retrieve(ChatRequest(question="How does the inverse one work?", history=talk))
    assert passages.answerable
    assert addresses(passages)[0] == "arm/kinematics#inverse"

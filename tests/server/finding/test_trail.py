"""What became of the places a search ranked, told by the search itself."""

from __future__ import annotations

from pathlib import Path

from server.finding.passages import Passages
from server.finding.retriever import MAX_TOKENS
from server.finding.trail import MOST_CANDIDATES, SearchTrail, Trail
from server.questions import ChatRequest, Turn
from tests.support.small_book import Concepts, find_in, open_book

NOTE = "## Note\n\nAlways wear a visor near the gripper.\n"


def trail_of(passages: Passages) -> Trail:
    assert passages.trail is not None
    return passages.trail


def fates(search: SearchTrail) -> dict[str, str]:
    """{address below the book: what became of the place}, best first."""
    return {one.url.partition("/docs/")[2]: one.fate for one in search.candidates}


async def find(folder: Path, pages: dict[str, str], asked: ChatRequest, model: Concepts | None = None) -> Passages:
    async with open_book(folder, pages, model=model) as index:
        return await find_in(index, model).retrieve(asked)


async def test_each_place_says_why_it_is_a_passage_or_none(tmp_path: Path) -> None:
    pages = {
        "a.md": f"# Grippers\n\nA gripper holds a thing.\n\n## Visor\n\nA visor and a gripper.\n\n{NOTE}",
        "b.md": f"# Lasers\n\nA laser cuts.\n\n{NOTE}",
        "c.md": "# Quiz\n\n- Do you wear a visor near a gripper?\n- What is a visor near the gripper?\n",
        **{f"d{n}.md": f"# Robot {n}\n\nThe visor of robot {n}.\n" for n in range(4)},
    }
    passages = await find(tmp_path, pages, ChatRequest(question="Wear a visor near the gripper", k=3))
    (search,) = trail_of(passages).searches
    assert (search.role, search.query, search.context) == ("question", "Wear a visor near the gripper", "")
    told = fates(search)
    taken = [place for place, fate in told.items() if fate == "taken"]
    assert len(taken) == len(passages.passages) == 3
    assert {told["a#note"], told["b#note"]} == {"taken", "repeats"}
    assert "shown" in {told["a"], told["a#visor"]}
    assert "outranked" in {told[f"d{n}"] for n in range(4)}
    quiz = next(one for one in search.candidates if one.url.endswith("docs/c"))
    assert quiz.lowered == "asks only"
    assert search.by_words == 7
    assert search.by_meaning == 0
    assert all(one.words > 0 and one.cosine is None for one in search.candidates)
    assert [one.score for one in search.candidates] == sorted((one.score for one in search.candidates), reverse=True)


async def test_a_place_for_which_no_tokens_are_left_says_so(tmp_path: Path) -> None:
    long = "The gripper of a robot is described here at length, in many words. "
    pages = {f"p{n}.md": f"# Gripper {n}\n\n" + f"{long}{n} {n}. " * 25 for n in range(14)}
    passages = await find(tmp_path, pages, ChatRequest(question="What is the gripper of a robot?", k=14))
    (search,) = trail_of(passages).searches
    taken, dropped = ([one for one in search.candidates if one.fate == fate] for fate in ("taken", "no room"))
    assert sum(one.chunk.tokens for one in passages.passages) <= MAX_TOKENS
    assert len(taken) == len(passages.passages) < 14
    assert {one.url for one in dropped} == {one.url for one in search.candidates} - {one.url for one in taken} != set()


async def test_both_scores_of_a_place_are_told_and_the_question_it_leans_on(tmp_path: Path) -> None:
    model = Concepts(("gripper", "hand"), ("visor", "goggles"))
    pages = {"a.md": "# Hands\n\nA hand holds.\n", "b.md": "# Goggles\n\nGoggles keep eyes safe.\n"}
    turns = (Turn(role="user", content="What is a visor?"), Turn(role="assistant", content="A shield."))
    passages = await find(tmp_path, pages, ChatRequest(question="How do I clean it?", history=turns), model)
    (search,) = trail_of(passages).searches
    assert search.query == "How do I clean it?"
    assert search.context == "What is a visor?"
    assert search.by_meaning == 2
    best, other = search.candidates
    assert best.title == "Goggles"
    assert best.cosine is not None
    assert other.cosine is not None
    assert best.cosine > other.cosine


async def test_a_comparison_is_a_search_for_each_side_and_a_page_that_is_meant_one_of_its_own(tmp_path: Path) -> None:
    pages = {
        "a.md": "# Lidar\n\nA lidar measures the distance with light.\n",
        "b.md": "# Radar\n\nA radar measures the distance with radio waves.\n",
    }
    compared = trail_of(
        await find(tmp_path / "1", pages, ChatRequest(question="What is the difference between lidar and radar?"))
    )
    assert [one.role for one in compared.searches] == ["question", "side", "side"]
    here = ChatRequest(
        question="What measures the distance with radio waves in this chapter?", page_url="https://robots.example/book/docs/b"
    )
    pointed = trail_of(await find(tmp_path / "2", pages, here))
    assert pointed.of_page == "part"
    assert [set(fates(one)) for one in pointed.searches if one.role == "page"] == [{"b"}]


async def test_only_the_best_of_many_places_are_told_of_and_none_is_kept_with_an_answer(tmp_path: Path) -> None:
    pages = {f"p{n}.md": f"# Robot {n}\n\nThe gripper of robot {n}.\n" for n in range(MOST_CANDIDATES + 20)}
    passages = await find(tmp_path, pages, ChatRequest(question="What is a gripper?"))
    (search,) = trail_of(passages).searches
    assert (len(search.candidates), search.places) == (MOST_CANDIDATES, len(pages))
    assert "trail" not in passages.model_dump(mode="json")

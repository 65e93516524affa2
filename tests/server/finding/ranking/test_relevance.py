"""How well places fit a question, word by word."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from server.finding.query.terms import Stemmer, idf
from server.finding.ranking.relevance import ChunkReader, ReadChunk, ScoredPlace, perfect_score, score_places
from shared.models import Chunk
from tests.support.small_book import WORDS
from tests.support.small_book import read as read_pages

TERMS = Stemmer(WORDS)


def look(question: str, chunks: list[Chunk], cosines: Mapping[int, float] | None = None) -> list[ScoredPlace]:
    """Every place, scored with each word weighing 1."""
    asked = TERMS.of(question)
    candidates: list[ReadChunk] = [
        ChunkReader(TERMS).read("build", chunk, (cosines or {}).get(number), frozenset(asked))
        for number, chunk in enumerate(chunks)
    ]
    return score_places(candidates, asked, dict.fromkeys(asked, 1.0), chunks=100)


def best(scored: list[ScoredPlace]) -> str:
    return max(scored, key=lambda one: one.lexical).place.section.heading_path[-1]


def before_the_gyroscope(scored: list[ScoredPlace]) -> float:
    """The score of the place before the one that has the word."""
    at = next(index for index, one in enumerate(scored) if "gyroscope" in one.place.body)
    return scored[at - 1].lexical


def test_the_section_that_says_it_fits_best_within_a_chunk() -> None:
    page = "# Robot\n\n## Arms\n\nArms reach the shelf.\n\n## Legs\n\nLegs climb the stairs.\n"
    scored = look("climb stairs", read_pages({"robot.md": page}))
    assert len({one.place.chunk.id for one in scored}) == 1
    assert best(scored) == "Legs"


def test_a_word_in_the_heading_counts_more_than_in_the_text() -> None:
    pages = {
        "a.md": "# Robot\n\n## Gripper\n\nIt closes on the parts firmly.\n",
        "b.md": "# Robot\n\n## Parts\n\nThe gripper closes.\n",
    }
    assert best(look("gripper", read_pages(pages))) == "Gripper"


def test_a_chunk_read_before_is_read_anew_in_another_build() -> None:
    reader, wanted = ChunkReader(TERMS), frozenset(TERMS.of("stairs"))
    (before,) = read_pages({"robot.md": "# Robot\n\nLegs climb the stairs.\n"})
    after = before.model_copy(update={"content": before.content.replace("stairs", "shelf?")})
    assert reader.read("one", before, None, wanted).found[0]
    assert reader.read("one", before, None, frozenset(TERMS.of("legs"))).found[0]
    assert not reader.read("two", after, None, wanted).found[0]


def test_a_page_is_found_by_its_tags_where_it_begins() -> None:
    pages = {
        "a.md": "# Robot\n\n## Gripper\n\nIt closes on the parts firmly.\n",
        "b.md": "---\ntags: [haptics]\n---\n# Robot\n\n## Touch\n\nIt feels the parts.\n\n## Heat\n\nIt feels the sun.\n",
    }
    scored = look("haptics", read_pages(pages))
    assert best(scored) == "Touch"


def test_words_side_by_side_beat_the_same_words_apart() -> None:
    pages = {
        "a.md": "# Moving\n\n## Near\n\nInverse kinematics finds angles for the hand of the arm on the left side of it.\n",
        "b.md": "# Moving\n\n## Apart\n\nInverse angles for the hand of the arm on the left side of it, then kinematics.\n",
    }
    near, apart = look("inverse kinematics", read_pages(pages))
    assert near.place.section.heading_path[-1] == "Near"
    assert near.lexical > apart.lexical


def test_a_chunk_gains_from_its_neighbour_in_the_section_but_not_across_a_heading() -> None:
    filler = " ".join(["Nothing of note is said about anything at all in these lines."] * 14)
    together = f"# Walk\n\nBalance matters. {filler}\n\n{filler}\n\nThe gyroscope drifts. {filler}\n\n{filler}\n"
    apart = together.replace("\n\nThe gyroscope", "\n\n# Sensor\n\nThe gyroscope")
    assert before_the_gyroscope(look("gyroscope", read_pages({"walk.md": together}))) > 0
    assert before_the_gyroscope(look("gyroscope", read_pages({"walk.md": apart}))) == 0


def test_a_cosine_is_lifted_half_way_to_a_better_neighbour() -> None:
    filler = " ".join(["Nothing of note is said about anything at all in these lines."] * 14)
    chunks = read_pages({"walk.md": f"# Walk\n\n{filler}\n\n{filler}\n\n{filler}\n"})
    scored = look("x", chunks[:2], {0: 0.2, 1: 0.6})
    assert [one.dense for one in scored] == [pytest.approx(0.4), 0.6]


def test_without_a_cosine_there_is_none() -> None:
    (scored,) = look("arms", read_pages({"a.md": "# Arms\n\nArms reach.\n"}))
    assert scored.dense is None


def test_a_perfect_score_is_out_of_reach_of_words_apart() -> None:
    asked = TERMS.of("arms reach")
    (scored,) = look("arms reach", read_pages({"a.md": "# Arms\n\nArms reach. " + "Arms, with joints, reach. " * 9}))
    assert 0 < scored.lexical < 1.5 * perfect_score(dict.fromkeys(asked, 1.0))


def test_rare_terms_weigh_more_and_none_less_than_nothing() -> None:
    assert idf(0, 100) > idf(1, 100) > idf(50, 100) > idf(100, 100) > 0
    assert idf(200, 100) > 0

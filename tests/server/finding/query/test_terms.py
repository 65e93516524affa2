"""Words as the lexical index knows them, and how rare a term is, learnt from the index itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.finding.query.terms import Frequencies, Stemmer, idf
from shared.models import SparseVector
from tests.support.small_book import WORDS, open_book, read

PAGES = {f"{n}.md": f"# Page {n}\n\nRobots walk. {'Gyroscopes drift.' if n < 2 else 'Nothing else.'}\n" for n in range(6)}


def test_terms_are_stems_in_order_without_stop_words() -> None:
    terms = Stemmer(WORDS)
    assert terms.of("The robots are walking") == terms.of("robot walks")
    assert terms.of("walk robot") == terms.of("robot walk")[::-1]


def test_every_term_of_a_text_is_in_its_index_vector() -> None:
    text = "Inverse kinematics: joint_angles of a 6-DOF arm, e.g. UR5e's; naïve façade."
    assert set(Stemmer(WORDS).of(text)) <= set(WORDS.document(text).indices)


def test_a_text_of_stop_words_has_no_terms() -> None:
    assert Stemmer(WORDS).of("what is it?") == []


@pytest.mark.parametrize(("word", "holders"), [("robots", 6), ("gyroscope", 2), ("submarine", 0)])
async def test_an_idf_asked_of_the_index_is_the_one_computed_from_the_book(tmp_path: Path, word: str, holders: int) -> None:
    (term,) = WORDS.query(word).indices
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        weights = await Frequencies(WORDS).weigh(snapshot, [term])
    assert len([chunk for chunk in read(PAGES) if term in WORDS.document(chunk.content).indices]) == holders
    assert weights[term] == pytest.approx(idf(holders, len(PAGES)), rel=1e-4)


async def test_a_term_is_asked_once_per_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frequencies = Frequencies(WORDS)
    terms = WORDS.query("robots walk").indices
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        first = await frequencies.weigh(snapshot, terms)
        asked: list[SparseVector] = []
        monkeypatch.setattr(snapshot, "search", lambda query, **_: asked.append(query))
        assert await frequencies.weigh(snapshot, terms) == first
    assert asked == []


async def test_a_question_of_a_thousand_words_is_weighed_by_its_first(tmp_path: Path) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        assert len(await Frequencies(WORDS).weigh(snapshot, range(1000))) == 64

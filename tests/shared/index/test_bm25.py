"""Sparse vectors: terms, weights, languages."""

from __future__ import annotations

import pytest

from shared.errors import ConfigurationError
from shared.index.bm25 import AVG_LEN, B, Bm25, K

ENGLISH = Bm25()


def test_a_repeated_term_weighs_more_but_less_than_twice() -> None:
    once, twice = ENGLISH.document("robot").values[0], ENGLISH.document("robot robot").values[0]
    assert once < twice < 2 * once


def test_a_document_term_has_the_weight_of_the_bm25_formula() -> None:
    length_norm = K * (1 - B + B * 3 / AVG_LEN)
    weights = ENGLISH.document("robot arm robot").values
    assert sorted(weights) == pytest.approx([tf * (K + 1) / (tf + length_norm) for tf in (1, 2)], rel=1e-5)


def test_every_term_of_a_query_weighs_one() -> None:
    assert ENGLISH.query("robot robot arm").values == (1.0, 1.0)


def test_word_forms_and_capitals_meet_and_stop_words_are_left_out() -> None:
    assert ENGLISH.query("The robots are walking").indices == ENGLISH.query("robot walks").indices


def test_a_text_without_terms_is_empty() -> None:
    assert ENGLISH.document("the of and ...").indices == ()
    assert ENGLISH.query("").indices == ()


@pytest.mark.parametrize("operator", ["==", "..", "..=", "///", "->", "!=", "&&", "::", "**", "?", "@"])
def test_an_operator_is_a_term_of_code(operator: str) -> None:
    asked = set(ENGLISH.query(f"What does {operator} do").indices)
    assert len(asked) == 1
    assert asked <= set(ENGLISH.document(f"let a = b {operator} c;").indices)
    assert not asked & set(ENGLISH.document("Really?! Yes... and no -- see https://x.example").indices)


def test_each_language_stems_and_stops_its_own_words() -> None:
    german = Bm25("German")
    assert german.query("die Roboter und die Katzen").indices == german.query("Roboter Katze").indices
    assert german.language == "german"


@pytest.mark.parametrize("language", ["chinese", "japanese", "none"])
def test_scripts_without_spaces_are_cut_into_words(language: str) -> None:
    words = Bm25(language)
    text = {"japanese": "東京は日本の首都です"}.get(language, "逆运动学计算关节角度")
    part = {"japanese": "東京"}.get(language, "关节")
    assert set(words.query(part).indices) & set(words.document(text).indices)


def test_without_a_language_nothing_is_stemmed_or_left_out() -> None:
    assert len(Bm25("none").query("the robots of robot").indices) == 4


def test_an_unknown_language_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"BOOK_LANGUAGE is 'klingon'; expected one of arabic, .*'none'"):
        Bm25("klingon")


@pytest.mark.parametrize("language", ["english", "german"])
@pytest.mark.parametrize(
    ("passage", "other", "question"),
    [
        ("启动水泵之前，先检查阀门。", "停止时，按下红色按钮。", "怎么启动水泵？"),
        ("ポンプを始動するには緑のボタンを押す。", "掃除は毎月する。", "ポンプの始動"),
        ("เปิดวาล์วก่อนสตาร์ทปั๊ม", "ล้างไส้กรองทุกเดือน", "สตาร์ทปั๊มอย่างไร"),
    ],
)
def test_a_passage_without_spaces_is_found_in_a_book_of_another_language(
    language: str, passage: str, other: str, question: str
) -> None:
    bm25 = Bm25(language)
    asked = set(bm25.query(question).indices)
    shared = [len(asked & set(bm25.document(text).indices)) for text in (passage, other)]
    assert shared[0] > 2 * shared[1]

"""Pieces are those of the `tokenizers` library, for any text its older Unicode tables know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece as TheirWordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from shared.embedding.wordpiece import VOCABULARY, WordPiece

PIECES = VOCABULARY.read_text(encoding="utf-8").splitlines()
OURS = WordPiece.load()
THEIRS = Tokenizer(TheirWordPiece({piece: number for number, piece in enumerate(PIECES)}, unk_token="[UNK]"))
THEIRS.normalizer = BertNormalizer()
THEIRS.pre_tokenizer = BertPreTokenizer()

SCRIPTS = [(0x00, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x5D0, 0x5EA), (0x610, 0x61C), (0x61E, 0x6FF),
           (0x900, 0x97F),
           (0x1100, 0x11FF), (0x1E00, 0x1FFE), (0x2000, 0x206F), (0x20A0, 0x20BE), (0x2100, 0x22FF), (0x3000, 0x30FF),
           (0x3400, 0x3410), (0x4E00, 0x4F00), (0xAC00, 0xAC80), (0xE000, 0xE00F), (0xF900, 0xF940), (0xFB00, 0xFB06),
           (0xFE00, 0xFE0F), (0xFF01, 0xFF5E), (0xFFFC, 0xFFFD), (0x1F300, 0x1F5FF), (0x20000, 0x20010)]  # fmt: skip
CHARACTERS = st.one_of(
    *(st.characters(min_codepoint=first, max_codepoint=last, exclude_categories=["Cn"]) for first, last in SCRIPTS)
)
WORDS = st.sampled_from(
    ["robot", "Kinematics", "ΟΔΥΣΣΕΥΣ", "İstanbul", "naïve", "don't", "v1.2.3", "ros2_control", "x" * 101, "x" * 100, "ﬁ"]
)
TEXTS = st.lists(st.one_of(CHARACTERS, WORDS, st.just(" "))).map("".join)


@given(TEXTS)
def test_any_text_is_cut_as_the_library_cuts_it(text: str) -> None:
    begin, *ids, end = OURS.encode(text, most=10_000)
    assert (PIECES[begin], PIECES[end]) == ("[CLS]", "[SEP]")
    assert ids == THEIRS.encode(text).ids


@given(TEXTS, st.integers(2, 12))
def test_of_a_long_text_the_first_pieces_are_kept(text: str, most: int) -> None:
    whole = OURS.encode(text, most=10_000)
    assert OURS.encode(text, most=most) == [*whole[:-1][: most - 1], whole[-1]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Unbalanced robots.", ["un", "##balance", "##d", "robots", "."]),
        ("[MASK]", ["[", "mask", "]"]),
        ("", []),
    ],
)
def test_words_are_cut_into_the_longest_pieces(text: str, pieces: list[str]) -> None:
    cut = [PIECES[number] for number in OURS.encode(text, most=99)[1:-1]]
    assert cut == pieces

"""Characters, against Rust's `char::is_alphanumeric`."""

from __future__ import annotations

import pytest

from flows.sites.alphabetic import is_alphanumeric


@pytest.mark.parametrize("character", ["a", "Ü", "中", "٤", "½", "Ⅳ", "ⓐ", "🄰", "ि", "ా", "ּ", "ُ", "ั", "\u0345"])
def test_letters_numbers_and_alphabetic_marks_count(character: str) -> None:
    assert is_alphanumeric(character)


@pytest.mark.parametrize("character", ["_", "-", " ", "🚀", "™", "\ufe0f", "\u200d", "\u0301", "्", "़", "์", "、"])
def test_punctuation_symbols_and_other_marks_do_not(character: str) -> None:
    assert not is_alphanumeric(character)

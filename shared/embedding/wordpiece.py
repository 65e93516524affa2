"""Text to the pieces BERT's uncased models read (Devlin et al., 2019), as `BertTokenizer` cuts it.

1. Leave control characters out, write letters without accents and small, and stand punctuation and Chinese characters alone.
2. Cut each word, from its start, into the longest pieces the vocabulary has; a word that cannot be cut is `[UNK]`.

The vocabulary is bert-base-uncased's, as Google published it under the Apache License 2.0
(https://github.com/google-research/bert). Held against the `tokenizers` library in its test; that library itself would bring a
client of a model hub and ten packages more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

VOCABULARY = Path(__file__).with_name("wordpiece_vocabulary.txt")
UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
_INSIDE = "##"
"""Marks a piece that does not begin a word."""
_LONGEST_WORD = 100
"""Characters; a longer word is not cut."""
_KNOWN_WORDS = 20_000
"""Words whose pieces are remembered."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LEFT_OUT = frozenset({"Cc", "Cf", "Co", "Cs", "Mn"})
"""Unicode's categories of control characters and of accents that stand apart."""
_CHINESE = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Code points of characters that are words of their own."""


class _Table(dict[int, str]):
    """What becomes of each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = _rewrite(chr(code))
        return self[code]


class WordPiece:
    """Cuts texts into pieces."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """`pieces`: the vocabulary, in the order of its ids."""
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        self._characters = _Table()
        self._cut = lru_cache(_KNOWN_WORDS)(self._cut_word)

    @classmethod
    def load(cls) -> WordPiece:
        """With the published vocabulary. Reads 230 kB."""
        return cls(VOCABULARY.read_text(encoding="utf-8").splitlines())

    def encode(self, text: str, *, most: int) -> list[int]:
        """Ids of the pieces, between those of begin and end; `most` of them in all, the text's end is left out beyond."""
        ids = [self._ids[BEGIN]]
        for word in unicodedata.normalize("NFD", text).translate(self._characters).split():
            ids.extend(self._cut(word))
            if len(ids) >= most - 1:
                break
        return [*ids[: most - 1], self._ids[END]]

    def _cut_word(self, word: str) -> tuple[int, ...]:
        ids: list[int] = []
        start, mark = 0, ""
        while start < len(word) <= _LONGEST_WORD:
            end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in self._ids), None)
            if end is None:
                break
            ids.append(self._ids[mark + word[start:end]])
            start, mark = end, _INSIDE
        return tuple(ids) if start == len(word) else (self._ids[UNKNOWN],)


def _rewrite(character: str) -> str:
    kind = unicodedata.category(character)
    if character in "\t\n\r":
        return " "
    if character == _REPLACEMENT or kind in _LEFT_OUT:
        return ""
    if character.isspace():
        return " "
    is_sign = kind[0] == "P" or (character.isascii() and not character.isalnum())
    if is_sign or any(first <= ord(character) <= last for first, last in _CHINESE):
        return f" {character} "
    return character.lower()

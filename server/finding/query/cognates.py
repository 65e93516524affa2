"""A word of another language as the word of the book it is a cognate of: "cinemática" and "kinematics", "روبوٹ" and "robot".

Terms of a field travel: French and English documents find one another when the words of one are taken for misspelt words of
the other (Buckley, Mitra, Walz and Cardie, "Using clustering and superconcepts within SMART", TREC-6, 1997).

1. Write both as they sound: without accents and doubled letters, "k" for "c", "qu" and "ch", "tion" for "ción" and "ção";
   Arabic and Devanagari letters as Latin ones.
2. Of the book's words that begin alike take the one with the fewest letters to change, if these are few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from server.languages import unaccented

CHANGED = 1 / 6
"""Share of its letters that may be changed."""
LEAST_CHARS = {True: 6, False: 3}
"""Of a word in Latin letters (True) and in others, which write few vowels."""
VOWEL = 0.34
"""What a changed vowel counts in a word of a script that leaves out most of them."""
_MOST_WORDS = 50_000
"""Words of the book whose sound is remembered."""
_ENDINGS = re.compile(r"(?:zion|cion|cao|sion|tion)(?:es|en|s)?\Z")
_SOUNDS = (
    ("ph", "f"), ("qu", "k"), ("ck", "k"), ("ch", "k"), ("c", "k"), ("th", "t"), ("rh", "r"), ("y", "i"), ("w", "v"),
    ("z", "s"), ("x", "ks"),
)  # fmt: skip
_LETTERS = {
    "a": "اآأإعىअआा", "b": "بबभ", "d": "دڈضदधडढ", "f": "فफ", "g": "گغगघ", "h": "هہھحةह", "i": "یيےئइईिीय", "j": "جژजझ",
    "k": "کكقخकख", "l": "لल", "m": "مम", "n": "نںनणञङंँ", "o": "وؤओऔोौऑॉ", "p": "پप", "q": "چचछ", "r": "رڑऋर",
    "s": "سصثشसशष", "t": "تٹطतथटठ", "u": "उऊुू", "e": "एऐेै", "v": "व", "z": "زذظ", "": "़्ء",
}  # fmt: skip
_LATIN = str.maketrans({letter: latin for latin, letters in _LETTERS.items() for letter in letters})
"""Letters of Arabic, Urdu and Hindi, roughly as they sound."""


def cognate(word: str, words: Mapping[str, int]) -> str | None:
    """The nearest of the book's words (with how often each occurs), of equals the most frequent; None where none is near."""
    is_latin = word.isascii() or unaccented(word).isascii()
    if len(word) < LEAST_CHARS[is_latin]:
        return None
    sound, vowel = _sound(word), 1.0 if is_latin else VOWEL
    near = [
        (distance, -count, other)
        for other, count, said in _said(words)
        if said[:1] == sound[:1]
        and abs(len(sound) - len(said)) * vowel <= CHANGED * max(len(sound), len(said))  # no fewer changes would do
        and (distance := _changes(sound, said, vowel) / max(len(sound), len(said))) <= CHANGED
    ]
    return min(near)[2] if near else None


def _said(words: Mapping[str, int]) -> Iterable[tuple[str, int, str]]:
    return ((word, count, _sound(word)) for word, count in words.items())


@lru_cache(_MOST_WORDS)
def _sound(word: str) -> str:
    said = unaccented(word).removeprefix("ال").translate(_LATIN)
    said = _ENDINGS.sub("tion", said)
    for written, spoken in _SOUNDS:
        said = said.replace(written, spoken)
    return re.sub(r"(.)\1", r"\1", re.sub(r"e?s?\Z", "", said))


def _changes(one: str, other: str, vowel: float) -> float:
    """Levenshtein's distance, in which a vowel counts `vowel`."""
    costs = [vowel if letter in "aeiou" else 1.0 for letter in other]
    row = [0.0]
    for cost in costs:
        row.append(row[-1] + cost)
    for letter in one:
        cost = vowel if letter in "aeiou" else 1.0
        before, row = row, [row[0] + cost]
        for at, (there, there_cost) in enumerate(zip(other, costs, strict=True)):
            changed = before[at] + (0.0 if letter == there else max(cost, there_cost))
            row.append(min(before[at + 1] + cost, row[at] + there_cost, changed))
    return row[-1]

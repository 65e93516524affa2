"""Words as the lexical index knows them: stems in their order, stop words left out."""

from __future__ import annotations

import re

from shared.index.bm25 import Bm25

_WORD = re.compile(r"\w+")
_MOST_KNOWN = 200_000
"""Different words remembered, about 20 MB: more than any book has, so that only hostile questions can fill it."""


class Stemmer:
    """Splits text into the terms of one BM25 model; remembers the stem of every word it has seen."""

    def __init__(self, bm25: Bm25) -> None:
        self._bm25 = bm25
        self._known: dict[str, tuple[int, ...]] = {}

    def of(self, text: str) -> list[int]:
        """The terms of `text`, in order, repeated as often as they occur; stop words are left out."""
        found: list[int] = []
        known = self._known
        for word in _WORD.findall(text.lower()):
            terms = known.get(word)
            found.extend(self._look_up(word) if terms is None else terms)
        return found

    def _look_up(self, word: str) -> tuple[int, ...]:
        """One term as a rule, none for a stop word, several where the engine segments what `\\w+` does not."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        terms = self._known[word] = self._bm25.query(word).indices
        return terms

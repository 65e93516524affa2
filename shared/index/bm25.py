"""Text to sparse BM25 vectors, the same for both index adapters: the store only adds the IDF.

A document's weight for a term is `tf * (k + 1) / (tf + k * (1 - b + b * length / avg_len))` (Robertson and Zaragoza, 2009); a
query's is 1. Qdrant multiplies by the IDF over the whole build (`Modifier.Idf`), so their dot product is the BM25 score.
"""

from __future__ import annotations

import re

import qdrant_edge

from shared.errors import ConfigurationError
from shared.models import SparseVector

K = 1.2
"""How soon a repeated term stops counting more: the literature's usual value."""
B = 0.75
"""How much a long chunk is held against it: the literature's usual value."""
AVG_LEN = 110.0
"""Terms of a chunk of the default size, stop words left out: 90 to 128 over four books. A constant, so that no chunk's vector
hangs on the rest of the book."""

NO_LANGUAGE = "none"
"""Neither stemming nor stop words, for languages the engine does not know."""
_SPACELESS = frozenset({"chinese", "japanese", NO_LANGUAGE})
"""Languages whose words need a segmenter; it costs 0.4 s and some memory at first use, so the others do without."""

_SIGN = r"=!<>+*/%&|^~.:?@#$-"
_OPERATOR = re.compile(
    rf"(?<![{_SIGN}])(?!://|--|(?:\.\.\.|[.?!]{{0,2}}[?!][.?!]{{0,2}})(?![{_SIGN}]))[{_SIGN}]{{2,3}}(?![{_SIGN}])"
    r"|(?<=\s)[?@&%^~!](?=\s)"
)
"""Two or three signs together, "==", "..", "///", that end no sentence, or one by itself: a term where code is searched."""
_JAPANESE_MARK = " の"
"""The segmenter takes a text of Chinese characters alone for Chinese and cuts it elsewhere; this stop word says otherwise."""

_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Thai, Lao, Burmese, Khmer, Kana and Han: scripts without spaces between words."""


def _pairs(run: re.Match[str]) -> str:
    """Every two neighbours of a run, as Lucene's CJKAnalyzer has it: a book of another language finds such passages too."""
    letters = run[0]
    pairs = [letters[at : at + 2] for at in range(len(letters) - 1)] or [letters]
    return f" {' '.join(pairs)} "


class Bm25:
    """Stemmed, stop-worded term weights in one language."""

    def __init__(self, language: str = "english") -> None:
        """`language`: a Snowball language in any case, or `none`. Raises `ConfigurationError` for another one."""
        self.language = language.strip().lower()
        self._mark = _JAPANESE_MARK if self.language == "japanese" else ""
        try:
            self._model = qdrant_edge.Bm25(_config(self.language))
        except ValueError as exc:
            known = sorted(name.lower() for name in dir(qdrant_edge.Language) if not name.startswith("_"))
            raise ConfigurationError(
                f"BOOK_LANGUAGE is {language!r}; expected one of {', '.join(known)}, or {NO_LANGUAGE!r} for any other language."
            ) from exc

    def document(self, text: str) -> SparseVector:
        """Weights of `text` as it is indexed; empty when it holds no terms."""
        return _sparse(self._model.embed_document(self._as_words(text) + self._mark))

    def query(self, text: str) -> SparseVector:
        """Weights of `text` as it is searched for; empty when it holds no terms."""
        return _sparse(self._model.embed_query(self._as_words(text) + self._mark))

    def _as_words(self, text: str) -> str:
        """`text` with operators of code as words, and spaces between what stands for words where its script has none."""
        words = spell_operators(text)
        return words if words.isascii() or self.language in _SPACELESS else _RUN.sub(_pairs, words)


def spell_operators(text: str) -> str:
    """The text with the operators of code as words: the engine takes letters and digits alone for terms."""
    return _OPERATOR.sub(lambda match: f" op{match[0].encode().hex()}op ", text)


def _config(language: str) -> qdrant_edge.Bm25Config:
    tokenizer = qdrant_edge.TokenizerType.Multilingual if language in _SPACELESS else qdrant_edge.TokenizerType.Word
    if language != NO_LANGUAGE:
        return qdrant_edge.Bm25Config(k=K, b=B, avg_len=AVG_LEN, tokenizer=tokenizer, language=language)
    none, unstemmed = qdrant_edge.StopwordsSet(), qdrant_edge.DisabledStemmer()
    return qdrant_edge.Bm25Config(k=K, b=B, avg_len=AVG_LEN, tokenizer=tokenizer, stopwords=none, stemmer=unstemmed)


def _sparse(vector: qdrant_edge.SparseVector) -> SparseVector:
    """Terms in ascending order, so that equal texts give equal values."""
    pairs = sorted(zip(vector.indices, vector.values, strict=True))
    return SparseVector(indices=tuple(index for index, _ in pairs), values=tuple(value for _, value in pairs))

"""A reader's words as the book spells them: "kinematcs", and "behaviour" in a book that says "behavior".

Only a word whose term the book does not have is touched, and only for one that is a single slip away: a letter too many, too
few, another, or two swapped, after the first. Two slips apart are mostly two words ("president", "present"), and a capital
within a question is a name's. What was searched for is told with the answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import takewhile

from server.finding.query.cognates import cognate
from server.finding.query.terms import Frequencies, Stemmer
from server.languages import is_foreign, without_small_words
from shared.errors import LecternError
from shared.index.port import Index, Snapshot

LEAST_CHARS = 6
"""Of a word of the book: a shorter one is near too many others ("unity", "unit"). The reader may have lost a letter of it."""
MOST_WORDS = 5
"""Of one question that are looked up."""
WAIT_S = 2.0
"""A reader waits so long for the words of a new build to be read, and is then searched for as they wrote."""
_BOOK_WORD = re.compile(r"\b[^\W\d_]{4,}\b")
_HYPHENATED = re.compile(r"\b([^\W\d_]{2,})-([^\W\d_]{2,})\b")
_WORD = re.compile(r"\b[^\W\d_](?:[^\W\d_]|[\u0900-\u097f])+(?!\w)")
_ASKED_WORD = re.compile(rf"\b[^\W\d_]{{{LEAST_CHARS - 1},}}\b")

log = logging.getLogger(__name__)

Words = Mapping[str, Counter[str]]
"""The book's words by their first letter, with how often each occurs."""


class Spelling:
    """Corrects questions against the words of the live build, which are read when a question first needs them."""

    def __init__(self, index: Index, terms: Stemmer, frequencies: Frequencies, language: str) -> None:
        """`language`: the book's, as `BOOK_LANGUAGE` has it."""
        self._index = index
        self._language = language
        self._terms = terms
        self._frequencies = frequencies
        self._known: tuple[str, Words] | None = None
        self._reading: asyncio.Task[None] | None = None

    async def correct(self, snapshot: Snapshot, question: str) -> str:
        """The question with words the book does not have replaced by near ones that it has. Raises `ServiceError`."""
        foreign = is_foreign(question, self._language)
        strange = await self._strange(snapshot, question, foreign=foreign)
        if not strange:
            return question
        words = await self._words(snapshot)
        if words is None:
            return question
        find = _cognate if foreign else _nearest
        near = await asyncio.to_thread(lambda: {word: find(word.lower(), words) for word in strange})
        return _WORD.sub(lambda match: near.get(match[0]) or match[0], question)

    async def _strange(self, snapshot: Snapshot, question: str, *, foreign: bool) -> list[str]:
        """The long words, of a question in another language all that say something, whose terms are nowhere in the book."""
        if foreign:
            words = _WORD.findall(without_small_words(question))
        else:
            words = [match[0] for match in _ASKED_WORD.finditer(question) if match[0].islower() or match.start() == 0]
        terms = {word: self._terms.of(word) for word in dict.fromkeys(words)}
        absent = await self._frequencies.absent(snapshot, [term for found in terms.values() for term in found])
        return [word for word, found in terms.items() if found and absent.issuperset(found)][:MOST_WORDS]

    async def _words(self, snapshot: Snapshot) -> Words | None:
        """The words of the build; None while they are still being read: one reading, in the background, for all who ask."""
        build_id = snapshot.build.id
        if self._known is not None and self._known[0] == build_id:
            return self._known[1]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(build_id))
        await asyncio.wait([self._reading], timeout=WAIT_S)
        return self._known[1] if self._known is not None and self._known[0] == build_id else None

    async def aclose(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self, build_id: str) -> None:
        words: defaultdict[str, Counter[str]] = defaultdict(Counter)
        try:
            async with self._index.snapshot() as snapshot:
                if snapshot.build.id != build_id:
                    return  # whoever asks next is of the new build
                async for texts in snapshot.contents():
                    await asyncio.to_thread(_count, texts, words)
        except LecternError as exc:
            log.warning("words are searched for as they were written: %s", exc)
        else:
            self._known = (build_id, words)


def _count(texts: Sequence[str], words: defaultdict[str, Counter[str]]) -> None:
    text = "\n".join(texts).lower()
    for word in _BOOK_WORD.findall(text):
        words[word[0]][word] += 1
    for one, other in _HYPHENATED.findall(text):
        words[one[0]][f"{one}-{other}"] += 1


def _nearest(word: str, words: Words) -> str | None:
    """The word as the book hyphenates it, or the most frequent of its words that are one slip away."""
    among = words.get(word[0], Counter[str]())
    hyphenated = (other for other in among if "-" in other and other.replace("-", "") == word)
    near = (other for other in among if len(other) >= LEAST_CHARS and is_slip(word, other))
    return next(hyphenated, None) or max(near, key=among.__getitem__, default=None)


def _cognate(word: str, words: Words) -> str | None:
    return cognate(word, {other: count for among in words.values() for other, count in among.items()})


def is_slip(one: str, other: str) -> bool:
    """Whether two words differ by one letter more, less or another, or by two neighbours swapped."""
    if abs(len(one) - len(other)) > 1 or (len(one) == len(other) and one[:-1] == other[:-1]):
        return False  # "driver" and "driven", "starter" and "started" are both words
    start = _same(one, other)
    one, other = one[start:], other[start:]
    end = _same(one[::-1], other[::-1])
    one, other = one[: len(one) - end], other[: len(other) - end]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])


def _same(one: str, other: str) -> int:
    """Letters that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))

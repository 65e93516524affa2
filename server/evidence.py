"""Which pieces of the passages answer a question best, judged by words alone. Pure.

1. Cut every passage into pieces (see `sentences`).
2. Weigh the question's terms by how rare they are among those pieces (BM25's IDF).
3. A piece scores the weight of the terms it holds, of those its headings hold (half), and of those the piece before it holds (a
   fifth), as a share of all; then what it is counts: a definition for "what is", a step for "how to", a fragment, a question.
4. Take the best, then every piece that comes near it and says something else, up to `MAX_PIECES` from `MAX_PASSAGES`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.chat import Passage, Passages
from server.passages import body, place
from server.sentences import Quotable, read_quotables

Terms = Callable[[str], frozenset[int]]
"""The stemmed words of a text without stop words, as numbers."""

MAX_PIECES = 4
MAX_PASSAGES = 3
NEAR = 0.6
"""A piece joins the best one from this share of its score."""
SAME = 0.6
"""Two pieces that share this much of their terms say the same."""
LEAST_COVERAGE = 0.25
"""Share of the question's weight the best piece must hold, headings included, for there to be an answer."""
SHORT_WORDS = 5
LONG_WORDS = 60

_DEFINES = re.compile(
    r"\b(?:is|are|was|were|means?|refers? to|describes?|denotes?|defines?|finds?|computes?|enables?|allows?|provides?|used (?:to|for))\b"
)
_ASKS_WHAT = re.compile(r"\b(?:what(?:'s| is| are| was| were| does| do)?|define|definition|meaning|who)\b", re.IGNORECASE)
_ASKS_HOW = re.compile(r"\b(?:how (?:do|can|to|does|should|would)|steps?|procedure|guide|set ?up|install)\b", re.IGNORECASE)
_ASKS_CODE = re.compile(
    r"\b(?:code|snippet|example|implement\w*|command|script|syntax|python|bash|yaml|json|config\w*|install\w*|run)\b", re.IGNORECASE
)
_AIMS = re.compile(
    r"learn|objective|prerequisite|exercise|quiz|question|further reading|reference|resources|table of contents|next", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece with where it stands and how well it answers."""

    passage: Passage
    index: int
    """Its place among the passage's pieces."""
    piece: Quotable
    terms: frozenset[int]
    score: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and for what kind of answer."""

    terms: frozenset[int]
    wants_definition: bool
    wants_steps: bool
    wants_code: bool


def read_question(text: str, terms: Terms) -> Question:
    """The question's terms and the kind of answer it asks for (English; elsewhere words alone decide)."""
    return Question(
        terms=terms(text),
        wants_definition=bool(_ASKS_WHAT.search(text)),
        wants_steps=bool(_ASKS_HOW.search(text)),
        wants_code=bool(_ASKS_CODE.search(text)),
    )


def quotables(passage: Passage) -> list[Quotable]:
    """The pieces of a passage's rendering."""
    headings = {section.heading_path[-1] for section in passage.chunk.sections if section.heading_path}
    return read_quotables(body(passage.chunk), headings)


def find_evidence(question: Question, passages: Passages, terms: Terms) -> list[Candidate]:
    """The pieces to quote, best first; none when nothing comes near an answer."""
    pieces = [(passage, quotables(passage)) for passage in passages.passages]
    held = {(passage.n, index): terms(piece.text) for passage, found in pieces for index, piece in enumerate(found)}
    weights = _weights(question.terms, list(held.values()))
    total = sum(weights.values())
    if not total:
        return []
    candidates = [
        candidate
        for passage, found in pieces
        for candidate in _judge(question, passage, found, [held[passage.n, index] for index in range(len(found))], weights, terms)
    ]
    return _select(sorted(candidates, key=lambda candidate: (-candidate.score, candidate.passage.n, candidate.index)))


def _weights(wanted: frozenset[int], held: Sequence[frozenset[int]]) -> dict[int, float]:
    """IDF of each term of the question among the pieces."""
    counts = Counter(term for piece in held for term in piece & wanted)
    return {term: math.log(1 + (len(held) - counts[term] + 0.5) / (counts[term] + 0.5)) for term in wanted}


def _judge(
    question: Question,
    passage: Passage,
    found: Sequence[Quotable],
    held: Sequence[frozenset[int]],
    weights: dict[int, float],
    terms: Terms,
) -> list[Candidate]:
    total = sum(weights.values())
    path = place(passage)
    judged: list[Candidate] = []
    for index, piece in enumerate(found):
        if piece.kind in {"heading", "code"}:
            continue
        around = terms(" ".join((*path[-2:], piece.heading))) - held[index]
        before = (held[index - 1] if index and found[index - 1].block == piece.block else frozenset[int]()) - held[index] - around
        own, near, ahead = (sum(weights.get(term, 0.0) for term in part) / total for part in (held[index], around, before))
        coverage = own + 0.5 * near + 0.2 * ahead
        if own and coverage >= LEAST_COVERAGE:
            factor = _fitness(question, piece, held[index], path) * (0.75 + 0.25 * passage.score)
            judged.append(Candidate(passage, index, piece, held[index], coverage * factor))
    return judged


def _fitness(question: Question, piece: Quotable, held: frozenset[int], path: Sequence[str]) -> float:
    """How much a piece of this form is worth as an answer; 1 for a plain sentence."""
    words = len(piece.text.split())
    fitness = 1.0
    if piece.text.endswith(("?", "？", "؟")):
        fitness *= 0.2
    if _AIMS.search(piece.heading or path[-1]) and len(path) > 1:
        fitness *= 0.4
    if words < SHORT_WORDS:
        fitness *= 0.6
    if words > LONG_WORDS:
        fitness *= 0.8
    if question.wants_definition and question.terms & held and (defined := _DEFINES.search(piece.text)):
        fitness *= 1.3 if len(piece.text[: defined.start()].split()) <= SHORT_WORDS else 1.1
    if question.wants_steps and piece.kind == "item":
        fitness *= 1.15
    return fitness


def _select(ranked: Sequence[Candidate]) -> list[Candidate]:
    chosen: list[Candidate] = []
    for candidate in ranked:
        if len(chosen) == MAX_PIECES or candidate.score < NEAR * ranked[0].score:
            break
        numbers = {other.passage.n for other in chosen}
        if len(numbers) == MAX_PASSAGES and candidate.passage.n not in numbers:
            continue
        if all(_shared(candidate.terms, other.terms) < SAME for other in chosen):
            chosen.append(candidate)
    return chosen


def _shared(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / (len(one | other) or 1)

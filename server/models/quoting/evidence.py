"""Which pieces of the passages answer a question best, judged by words alone. Pure.

1. Cut every passage into pieces (see `sentences`); leave out aims, tasks and questions, unless they are asked about.
2. Weigh the question's terms by how rare they are in the book (BM25's IDF): among the passages found, what was asked about is
   common. A word of the selection, which was not searched for, by how rare it is among the pieces.
3. A piece scores the weight of the terms it holds, of those its headings hold (a third; two for the sentence right below one)
   and of those the piece before it holds (a fifth), as a share of all; then what it is counts: a definition for "what is", a
   step or commands for "how to".
4. Take the best, then every piece that comes near it and says something else, up to `MAX_PIECES` from `MAX_PASSAGES`.
5. Widen each to what it needs to be understood (see `widening`).

Worked example: "What is inverse kinematics used for?" has the terms `invers`, `kinemat` and `use`. Under "Summary", "Inverse
kinematics finds joint angles for desired poses" holds the first two, 0.7 of the weight, and reads like a definition.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from server.english import defined_by, is_announcing, is_aside
from server.finding.passages import Passage, Passages, place
from server.models.quoting.listings import is_commands, is_data, is_diagram, shorten_listing, spelled_out, worth
from server.models.quoting.question_kind import QuestionKind, TermsOf, abbreviating
from server.models.quoting.sentences import Quotable, read_quotables
from server.models.quoting.widening import widen

MAX_PIECES = 4
MAX_PASSAGES = 3
MAX_CODE = 2
NEAR = 0.6
"""A piece joins the best one from this share of its score."""
SAME = 0.6
"""Two pieces that share this much of their terms say the same."""
LEAST_COVERAGE = 0.33
"""Share of the question's weight a piece must hold to count as an answer."""
LEAST_TERMS = 2
"""Terms of the question it must hold or stand under, where there are as many: "capital" alone is not the capital of France."""
HEADING_SHARE = 0.35
"""Twice that for the sentence right below, which says what the heading names without naming it again."""
BEFORE_SHARE = 0.2
SHORT_WORDS = 5
USUAL_WORDS = 25
"""Of a sentence in prose."""
ONLY_SUBJECT = 1.6
"""What a sentence gains that says what the very thing asked about is."""
OTHER_SUBJECT = 1.2
"""The same, about something that has it in its name."""
LENGTH_PRICE = 0.1
"""What each further `USUAL_WORDS` cost: long pieces hold more terms by chance."""


PieceWithTerms = tuple[Quotable, frozenset[int]]
"""With the terms it holds."""


@dataclass(frozen=True, slots=True)
class JudgedPiece:
    """A piece with where it stands and how well it answers."""

    passage: Passage
    index: int
    """Its place among the passage's pieces."""
    terms: frozenset[int]
    score: float
    is_code: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is quoted from one passage: runs of pieces that follow each other."""

    passage: Passage
    runs: tuple[tuple[Quotable, ...], ...]


def find_evidence(question: QuestionKind, passages: Passages, terms: TermsOf) -> list[Excerpt]:
    """What to quote, the passage of the best piece first; nothing when no piece comes near an answer."""
    terms = abbreviating(terms, passages.long_forms)
    found = {passage.n: read_quotables(passage.chunk) for passage in passages.passages}
    held: dict[int, list[frozenset[int]]] = {}
    for n, pieces in found.items():
        held[n] = [terms(spelled_out(piece.text) if piece.kind == "code" else piece.text) for piece in pieces]
    headings = [terms(" ".join(place(passage)[-2:])) for passage in passages.passages]
    weights = _weights(question.terms, [piece for pieces in held.values() for piece in pieces], headings, passages.rarity)
    candidates = [
        candidate
        for passage in passages.passages
        for candidate in _judge(question, passage, list(zip(found[passage.n], held[passage.n], strict=True)), weights, terms)
    ]
    chosen = _select(sorted(candidates, key=lambda candidate: (-candidate.score, candidate.passage.n, candidate.index)))

    def quoted(piece: Quotable) -> Quotable:
        return replace(piece, text=shorten_listing(piece.text, weights, terms)) if piece.kind == "code" else piece

    excerpts: list[Excerpt] = []
    for passage in dict.fromkeys(candidate.passage for candidate in chosen):
        indices = [candidate.index for candidate in chosen if candidate.passage == passage]
        runs = widen(found[passage.n], indices, question)
        excerpts.append(Excerpt(passage, tuple(tuple(map(quoted, run)) for run in runs)))
    return excerpts


def _weights(
    wanted: frozenset[int], held: Sequence[frozenset[int]], headings: Sequence[frozenset[int]], rarity: Mapping[int, float]
) -> dict[int, float]:
    """Each term's share of the question: its IDF, all adding up to 1; terms in no piece and no heading have none.

    `rarity`: {term: IDF in the book}; what is missing is taken from the pieces.

    Whether too much of a question is found nowhere is for the search to say, which knows the whole book.
    """
    counts = Counter(term for piece in held for term in piece & wanted)
    named = frozenset[int]().union(*headings) & wanted
    idf = {
        term: rarity.get(term) or math.log(1 + (len(held) - counts[term] + 0.5) / (counts[term] + 0.5))
        for term in sorted(named | counts.keys())
    }
    total = sum(idf.values())
    return {term: value / total for term, value in idf.items()}


def _judge(
    question: QuestionKind, passage: Passage, pieces: Sequence[PieceWithTerms], weights: dict[int, float], terms: TermsOf
) -> list[JudgedPiece]:
    """The passage's pieces that hold enough of the question to be an answer."""
    path = place(passage)
    judged: list[JudgedPiece] = []
    for index, (piece, held) in enumerate(pieces):
        if not _may_be_quoted(question, pieces, index, path[-1]):
            continue
        coverage = _coverage(question, pieces, index, path[-2:], weights=weights, terms=terms)
        if coverage >= LEAST_COVERAGE:
            factor = _fitness(question, piece, terms) * (1 + passage.score) / 2
            judged.append(JudgedPiece(passage, index, held, coverage * factor, is_code=piece.kind == "code"))
    return judged


def _may_be_quoted(question: QuestionKind, pieces: Sequence[PieceWithTerms], index: int, section: str) -> bool:
    """Whether a piece says something by itself, and the kind of thing that is asked for.

    Code answers where it is asked for, commands where steps are, data where facts are, and a drawing's source never.
    """
    piece = pieces[index][0]
    if piece.kind == "heading":
        return False
    if piece.kind == "code":
        steps, data = question.wants_steps and is_commands(piece.text), question.wants_data and is_data(piece.text)
        if is_diagram(piece.text) or not (question.wants_code or steps or data):
            return False
    if piece.introduces and (index + 1 == len(pieces) or pieces[index + 1][0].kind == "heading"):
        return False  # what it announces is not there
    return question.wants_announced or not (is_aside(piece.text) or is_announcing(piece.heading or section))


def _coverage(
    question: QuestionKind,
    pieces: Sequence[PieceWithTerms],
    index: int,
    headings: Sequence[str],
    *,
    weights: dict[int, float],
    terms: TermsOf,
) -> float:
    """The share of the question's weight that a piece holds or stands under; 0 where it hardly says a word of it itself."""
    piece, held = pieces[index]
    before, above = _before(pieces, index), terms(" ".join((*headings, piece.heading)))
    own, near, ahead = (sum(weights.get(term, 0.0) for term in part) for part in (held, above, before - held))
    if piece.kind == "code":
        own = worth(piece.text, weights, terms)
    opens = piece.kind == "sentence" and (index == 0 or pieces[index - 1][0].kind == "heading")
    named = len((held | above | before) & question.terms)
    if named < min(LEAST_TERMS, len(question.terms)) or not (own or (opens and question.terms <= above)):
        return 0.0
    return own + HEADING_SHARE * (1 + opens) * near + BEFORE_SHARE * ahead


def _before(pieces: Sequence[PieceWithTerms], index: int) -> frozenset[int]:
    """The terms of what a piece goes on with: its table's header, the sentence before it in its block or before code."""
    piece = pieces[index][0]
    if piece.kind == "row":
        return next(held for other, held in pieces if other.block == piece.block)
    goes_on = index > 0 and (piece.kind == "code" or pieces[index - 1][0].block == piece.block)
    return pieces[index - 1][1] if goes_on else frozenset()


def _fitness(question: QuestionKind, piece: Quotable, terms: TermsOf) -> float:
    """How much a piece of this form is worth as an answer; 1 for a plain sentence."""
    words = len(piece.text.split())
    fitness = 1.0
    if words < SHORT_WORDS:
        fitness *= 0.6
    if piece.kind != "code":
        fitness /= 1 + LENGTH_PRICE * max(0.0, words / USUAL_WORDS - 1)
    if piece.introduces and not question.wants_steps:
        fitness *= 0.8
    if question.wants_definition and (subject := terms(defined_by(piece.text))) & question.terms:
        fitness *= ONLY_SUBJECT if subject <= question.terms else OTHER_SUBJECT
    if question.wants_steps and piece.kind == "item":
        fitness *= 1.15
    return fitness


def _select(ranked: Sequence[JudgedPiece]) -> list[JudgedPiece]:
    chosen: list[JudgedPiece] = []
    for candidate in ranked:
        if len(chosen) == MAX_PIECES or candidate.score < NEAR * ranked[0].score:
            break
        numbers = {other.passage.n for other in chosen}
        if len(numbers) == MAX_PASSAGES and candidate.passage.n not in numbers:
            continue
        if candidate.is_code and sum(other.is_code for other in chosen) == MAX_CODE:
            continue
        shared = (len(candidate.terms & other.terms) / (len(candidate.terms | other.terms) or 1) for other in chosen)
        if all(share < SAME for share in shared):
            chosen.append(candidate)
    return chosen

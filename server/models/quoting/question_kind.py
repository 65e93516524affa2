"""What kind of answer a question asks for, and what kind of thing a sentence of a book is.

By English words; for a book or a question in another language every test says no, and the terms alone decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.finding.query.follow_up import without_request
from server.finding.ranking.roles import wants_announced, wants_code

TermsOf = Callable[[str], frozenset[int]]
"""The stemmed words of a text without stop words, as numbers."""

SOON_WORDS = 6
"""A definition names its thing in so many words, then says what it is."""

_ASKS_WHAT = re.compile(r"\b(?:what(?:'s| is| are| was| were| does| do)?|define|definition|meaning|who)\b", re.IGNORECASE)
_ASKS_HOW = re.compile(r"\b(?:how (?:do|can|to|should|would) |steps?\b|procedure|set(?:ting)? ?up|install)", re.IGNORECASE)
_DEFINES = re.compile(
    r"\b(?:is|are|was|were|means?|refers? to|describes?|denotes?|defines?|finds?|computes?|enables?|allows?|provides?"
    r"|represents?)\b|:(?=\s)"
)
_EXERCISE = re.compile(
    r"(?:[-*+•]|\d+[.)])\s+(?:explain|describe|discuss|compare|derive|define|design an?|implement an?)\b", re.IGNORECASE
)
_NAVIGATION = re.compile(
    r"(?:previous|next|back to|see also|continue (?:to|with)|up next)\b[^.]*\Z"
    r"|next (?:steps?|up|chapter|lesson)\W|in the (?:next|following) (?:chapter|lesson|part)\b|(?:for|to) [^.,]*, see\b",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    r"(?:It|Its|They|Their|This|That|These|Those|Such|He|She|However|Therefore|Thus|Hence|Instead|Otherwise|Both|Here)\b"
)


@dataclass(frozen=True, slots=True)
class QuestionKind:
    """What is asked, and for what kind of answer."""

    terms: frozenset[int]
    wants_definition: bool = False
    wants_steps: bool = False
    wants_code: bool = False
    wants_data: bool = False
    """What a listing of facts says is an answer."""
    wants_announced: bool = False
    """It is about what the book teaches or asks, not about the thing itself."""


def read_question(text: str, terms: TermsOf) -> QuestionKind:
    """The question's terms and the kind of answer it asks for."""
    return QuestionKind(
        terms=terms(without_request(text)) or terms(text),
        wants_definition=bool(_ASKS_WHAT.search(text)),
        wants_steps=bool(_ASKS_HOW.search(text)),
        wants_code=wants_code(text),
        wants_announced=wants_announced(text),
    )


def abbreviating(terms: TermsOf, long_forms: Mapping[str, str]) -> TermsOf:
    """`terms`, with the abbreviation in place of the words it stands for where a text has them all."""
    forms = [(terms(short), terms(long)) for short, long in long_forms.items()]

    def abbreviated(text: str) -> frozenset[int]:
        found = terms(text)
        for short, long in forms:
            if long <= found:
                found = (found - long) | short
        return found

    return abbreviated if forms else terms


def defined_by(sentence: str) -> str:
    """What a sentence says something about when it reads like a definition, else ''.

    "A gait is ..." gives "A gait ", "A gait: ..." gives "A gait".
    """
    defines = _DEFINES.search(sentence)
    subject = sentence[: defines.start()] if defines else ""
    return subject if len(subject.split()) <= SOON_WORDS else ""


def is_aside(text: str) -> bool:
    """Whether a piece asks the reader something, sets a task, or only leads elsewhere."""
    return text.endswith(("?", "？", "؟")) or bool(_EXERCISE.match(text) or _NAVIGATION.match(text))


def is_anaphoric(sentence: str) -> bool:
    """Whether a sentence cannot be understood without the one before it."""
    return bool(_LEANS_BACK.match(sentence))

"""What kind of answer a question asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.english import asks_about_the_book, asks_for_code, asks_how, asks_what, without_request

TermsOf = Callable[[str], frozenset[int]]
"""The stemmed words of a text without stop words, as numbers."""


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
        wants_definition=asks_what(text),
        wants_steps=asks_how(text),
        wants_code=asks_for_code(text),
        wants_announced=asks_about_the_book(text),
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

"""What a question asks for one by one: "What is a topic, and how do I publish to it?" asks two things.

1. Cut between sentences, and at commas and words like "and" where both sides ask. Of several sentences only those that ask are
   parts: a reader who tells much about themselves asks one thing of it.
2. A part that says nothing by itself ("and who is it for?") stays with the one before; one that points back, or says little,
   leans on those before it.
3. The sides of a comparison are searched for beside the whole question: each may stand in a section of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from server.english import points_back
from server.finding.query.follow_up import ENOUGH_TERMS, SearchQuery
from server.finding.query.terms import Stemmer
from server.languages import asks, clauses, language_of, sides

MOST_PARTS = 4
"""More are searched for as one."""
LONG_WORDS = 40
"""From which on a question tells more than it asks."""
_QUESTION_END = re.compile(r"(?<=\S[?!])\s+|(?<=[？！؟])\s*")
_SENTENCE_END = re.compile(r"(?<=\S[.?!])\s+|(?<=[。？！؟])\s*")


def split_question(query: SearchQuery, terms: Stemmer) -> tuple[SearchQuery, ...]:
    """The parts of a question, each to be searched for by itself; the question alone where it asks one thing."""
    language = language_of(query.text)
    end = _SENTENCE_END if len(query.text.split()) >= LONG_WORDS else _QUESTION_END
    sentences = [one for one in end.split(query.text.strip()) if one]
    asking = [one for one in sentences if asks(one, language)] or sentences
    found: list[str] = []
    for clause in (clause.strip() for sentence in asking for clause in clauses(sentence, language)):
        if found and not terms.of(clause):
            found[-1] = f"{found[-1]} {clause}"
        elif clause:
            found.append(clause)
    if 1 < len(found) <= MOST_PARTS:
        return tuple(_leaning(query, at, found, terms) for at in range(len(found)))
    return (query,) if len(found) != 1 else (replace(query, text=found[0]),)


def split_sides(query: SearchQuery, terms: Stemmer) -> tuple[SearchQuery, ...]:
    """The sides of a comparison; none where nothing is compared."""
    return tuple(replace(query, text=side) for side in sides(query.text) if terms.of(side))


def _leaning(query: SearchQuery, at: int, parts: Sequence[str], terms: Stemmer) -> SearchQuery:
    """A part with those before it as what it leans on, where it needs them."""
    part = parts[at]
    if points_back(part) or len(set(terms.of(part))) < ENOUGH_TERMS:
        return SearchQuery(part, "\n".join(filter(None, (query.context, *parts[:at]))))
    return replace(query, text=part)

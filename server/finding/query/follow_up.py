"""What to search for when a question leans on what was said before: "And how do I calibrate it?".

Without a model, by rule: a question that names nothing, or points back, is searched for together with the questions before it.
With a model, the model says it in one sentence; when it cannot, the rule does.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from server.english import names_its_subject, points_back, refers_to_it, without_request
from server.finding.query.terms import Stemmer
from server.questions import Turn
from shared import tracing
from shared.errors import ServiceError

ENOUGH_TERMS = 3
"""Different words, stop words aside, from which on a question that does not point back stands by itself."""
LONGEST_QUERY_CHARS = 400
"""A longer "question" is not one: the model answered instead."""

Rewrite = Callable[[str, Sequence[Turn]], Awaitable[str]]
"""(question, turns before it, oldest first) -> a question that stands by itself. Raises `ServiceError`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to search for."""

    text: str
    context: str = ""
    """Earlier questions it leans on, oldest first; empty where it stands by itself."""

    @property
    def whole(self) -> str:
        """As it is told to the reader."""
        return f"{self.context}\n{self.text}" if self.context else self.text


async def make_query(question: str, history: Sequence[Turn], terms: Stemmer, rewrite: Rewrite | None = None) -> SearchQuery:
    """The query for `question`, asked after `history` (oldest first). Never raises: the rule needs nobody."""
    if not leans_back(question, history, terms):
        return SearchQuery(question)
    if rewrite is not None:
        try:
            with tracing.span("rewrite"):
                query = (await rewrite(question, history)).strip()
        except ServiceError as exc:
            log.warning("following up by rule: %s", exc)
        else:
            if query and len(query) <= LONGEST_QUERY_CHARS + len(question):
                return SearchQuery(query)
    earlier = _earlier(question, history, terms)
    if not terms.of(without_request(question)):  # "Show me the code" has no word of its own that could be found
        return SearchQuery(f"{earlier}\n{question}")
    return SearchQuery(question, earlier)


def leans_back(question: str, history: Sequence[Turn], terms: Stemmer) -> bool:
    """Whether the question needs the turns before it to be understood; never when there are none."""
    if not any(turn.role == "user" for turn in history):
        return False
    if points_back(question):
        return True
    return len(set(terms.of(question))) < ENOUGH_TERMS and not names_its_subject(question)


def _earlier(question: str, history: Sequence[Turn], terms: Stemmer) -> str:
    """The reader's question before this one, below the one that says what both are about; oldest first.

    What lies between the two asks for other things of the same subject, as do all questions about "it" before one about "it":

        What is the range of the lidar?   <- what "it" is
        What does it measure?
        How much does it weigh?
        What does it cost?                asked now
    """
    parts: list[str] = []
    for n, turn in reversed(list(enumerate(history))):
        if turn.role != "user" or turn.content == question:
            continue
        stands = not leans_back(turn.content, history[:n], terms)
        if not (stands or parts) and refers_to_it(question) and refers_to_it(turn.content):
            continue
        parts.append(turn.content)
        if stands:
            break
    return "\n".join(dict.fromkeys([*parts[-1:], *parts[:1]]))

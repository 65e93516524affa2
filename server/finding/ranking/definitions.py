"""Questions for what something is, and the places that say it: "What is a gait?", "A gait is a pattern of ...". Who types a
name alone ("max_step_size", "ros2 bag") asks the same.

A word of a book stands on many of its pages; what it means is mostly told once, where it is introduced. English.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from server.english import without_request
from server.finding.places import Place
from server.languages import asks, asks_what_is, language_of, without_small_words

MOST_WORDS = 4
"""Of a thing asked about: with more, the question is about something special."""
MOST_KEYWORDS = 3
"""Of one that is typed without a question."""
_AROUND = " \t\r\n?!¿？؟.,;:…*_`'\"“”‘’"
"""Characters around a question, or the thing in it, that are no part of it."""
_ASKS = re.compile(
    r"""(?:what|who)(?:['’]s|\ (?:is|are|was|were))\ (?:meant\ by\ |(?:the\ )?(?:meaning|definition)\ of\ )?
        (?:an?\ |the\ )?([^?.,;:]+)
      | what\ (?:do|does)\ (?:an?\ |the\ )?([^?.,;:]+?)\ (?:mean|stand\ for)\b.*
      | (?:define|explain)\ (?:an?\ |the\ )?([^?.,;:]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_SAYS = r"""(?:^|[.!?:>|*•(\n-][ ]*|\b(?:an?|the)\ ){name}(?:\W*\([^()]{{2,60}}\))?(?:,[^,.\n]{{3,60}},)?\W{{1,4}}
    (?:is|are|was|were|means?|refers?\ to|describes?|denotes?|stands?\ for|consists?\ of|involves?|provides?|enables?|allows?
      |can\ be\ (?:defined|described|thought))\b
  | (?:^|\n)[^\w\n]*{name}(?:\ \([^()\n]{{2,60}}\))?\W*?[:–—]\s
  | \w\ \({name}\)
  | \b{name}\ \([^()\d]{{4,60}}\)"""
_HEADED = r"""[\W\d]*(?:(?:what\ (?:is|are)|introduction\ to|introducing|understanding|overview\ of|basics\ of|about)\ )?
  (?:(?:an?|the)\ )?{name}\W*(?:\([^()]*\))?\W*"""


def thing_asked(question: str) -> str | None:
    """What is to be defined; None where the question asks for something else."""
    match = _ASKS.fullmatch(question.strip(_AROUND))
    asked = next(part for part in match.groups() if part) if match else ""
    is_short = len(question.split()) <= MOST_KEYWORDS
    if is_short and without_request(question) == question and not asks(question, language_of(question)):
        asked = question
    if asks_what_is(question):
        asked = " ".join(without_small_words(question).split())
    thing = asked.partition(" in ")[0].strip(_AROUND)
    return thing if re.search(r"\w", thing) and len(thing.split()) <= MOST_WORDS else None


def definer(thing: str) -> Callable[[Place], bool]:
    """Tells whether a place says what `thing` is: by a sentence outside of code, or by its heading with some prose below it."""
    name = r"\W+".join(re.findall(r"\w+", thing)) + r"(?:e?s)?"
    says, headed = (re.compile(form.format(name=name), re.IGNORECASE | re.VERBOSE) for form in (_SAYS, _HEADED))

    def defines(place: Place) -> bool:
        path, prose = place.section.heading_path, place.prose
        return place.has_prose and bool(says.search(prose) or (path and headed.fullmatch(path[-1])))

    return defines

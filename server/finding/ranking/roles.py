"""What a place of the book is there for, when that is not to tell: to ask, to announce what will be told, to list code.

Such places hold a reader's words and do not answer them, so each is worth less, unless the question asks for its kind.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from server.finding.places import Place
from shared import content

Role = Literal["asks", "announces", "lists code"]

WORTH: dict[Role, float] = {"asks": 0.7, "announces": 0.9, "lists code": 0.92}
"""Against a place that tells. A quiz says the reader's question word for word; an aim names its subject; code is told in words
beside it."""
MOSTLY = 0.7
"""Share of a place that must be code for it to be a listing."""

_ANNOUNCING = re.compile(
    r"""[\W\d_]*(?:
        (?:what\ )?you(?:['’]ll|\ will)?\ learn(?:\ (?:here|in\ this\ \w+))?
      | (?:learning|chapter|lesson|course)\ (?:objectives?|outcomes?|goals?)|objectives
      | knowledge\ check|quiz(?:zes)?|self.?(?:assessment|study)|homework|assignments?
      | (?:(?:conceptual|review|discussion|practice|practical|advanced|coding|programming|hands.?on|and|&)\W)*
        (?:questions|exercises?|problems)
      | (?:further|additional|recommended)\ reading|references|bibliography|(?:table\ of\ )?contents|next\ steps|what['’]s\ next
    )[\W_]*""",
    re.IGNORECASE | re.VERBOSE,
)
"""English names of sections and pages that say what will be learned, asked or read."""
_WANTS_ANNOUNCED = re.compile(
    r"\b(?:(?:will|do|can|would) (?:i|we|you|readers|students) learn|objectives?|outcomes?|knowledge check|quiz\w*|homework"
    r"|assignments?|exercises|(?:practice|review) (?:questions|problems)|further reading|references|bibliography|contents)\b",
    re.IGNORECASE,
)
_WANTS_CODE = re.compile(
    r"\b(?:code|snippets?|examples?|implement\w*|commands?|scripts?|syntax|python|bash|yaml|json|launch files?|config\w*"
    r"|install\w*)\b|[`_]|\w\(",
    re.IGNORECASE,
)
_ASKS_HOW = re.compile(r"\bhow (?:do|can|to|should|would|could)\b", re.IGNORECASE)
_MARKUP = " *_`\"')"


def wants_code(question: str) -> bool:
    """Whether code is an answer: it is asked for, or the question holds some itself."""
    return bool(_WANTS_CODE.search(question))


def wants_announced(question: str) -> bool:
    """Whether the question is about what the book will teach, ask or point to."""
    return bool(_WANTS_ANNOUNCED.search(question))


def wanted_roles(question: str) -> frozenset[Role]:
    """Roles that the question asks for; a place is no worse for having one of them."""
    wanted: set[Role] = set()
    if wants_announced(question):
        wanted |= {"asks", "announces"}
    if wants_code(question) or _ASKS_HOW.search(question):
        wanted.add("lists code")
    return frozenset(wanted)


def role_of(place: Place) -> Role | None:
    """None: the place tells something."""
    if _only_asks(place.body):
        return "asks"
    named = PurePosixPath(place.chunk.path).stem.replace("-", " ").replace("_", " ")
    if any(is_announcing(name) for name in (named, *place.section.heading_path[1:])):
        return "announces"
    return "lists code" if content.code_chars(place.sections) > MOSTLY * len(place.body) else None


def is_announcing(heading: str) -> bool:
    """Whether a section or page of this name says what will be learned, asked or read, and not the thing itself."""
    return bool(_ANNOUNCING.fullmatch(heading))


def _only_asks(text: str) -> bool:
    """Whether most of a text is lines that end in a question mark."""
    asking = sum(len(line) for line in text.splitlines() if line.rstrip(_MARKUP).endswith(("?", "？")))
    return 2 * asking > len(text)

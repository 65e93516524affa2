"""A text that an expression matches, made from the expression."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as c  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownVariableType]
from re import _parser  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownVariableType]
from typing import Any

_CHARACTERS = " a1-_<>\n" + "".join(map(chr, range(33, 127))) + "\xa0一🤖"
_CATEGORIES = {
    c.CATEGORY_DIGIT: r"\d", c.CATEGORY_NOT_DIGIT: r"\D", c.CATEGORY_SPACE: r"\s", c.CATEGORY_NOT_SPACE: r"\S",
    c.CATEGORY_WORD: r"\w", c.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def matching_text(pattern: re.Pattern[Any]) -> str:
    """One that is short, with one of each thing that may be there; what looks around is left out of account."""
    source = pattern.pattern
    return _text(_parser.parse(source if isinstance(source, str) else source.decode("latin-1"), pattern.flags))


def _text(parsed: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_piece(kind, of) for kind, of in parsed)


def _piece(kind: Any, of: Any) -> str:  # noqa: PLR0911  one per kind
    match kind:
        case c.LITERAL:
            return chr(of)
        case c.NOT_LITERAL:
            return "a" if of != ord("a") else "b"
        case c.ANY:
            return "a"
        case c.IN:
            return next((each for each in _CHARACTERS if _is_in(each, of)), "")
        case c.BRANCH:
            return _text(of[1][0])
        case c.SUBPATTERN:
            return _text(of[3])
        case c.ATOMIC_GROUP:
            return _text(of)
        case c.MAX_REPEAT | c.MIN_REPEAT | c.POSSESSIVE_REPEAT:
            least, most, what = of
            return _text(what) * max(least, min(most, 1))
        case c.GROUPREF_EXISTS:
            return _text(of[1])
        case _:  # what takes no room: places, and looking ahead and behind
            return ""


def _is_in(character: str, members: list[tuple[Any, Any]]) -> bool:
    negated = members[0][0] is c.NEGATE
    return negated != any(_is_one_of(character, kind, of) for kind, of in members[negated:])


def _is_one_of(character: str, kind: Any, of: Any) -> bool:
    if kind is c.CATEGORY:
        return re.match(_CATEGORIES[of], character) is not None
    return of[0] <= ord(character) <= of[1] if kind is c.RANGE else ord(character) == of

"""What the abbreviations of a question stand for, as the book itself says: "ZMP" where it writes "Zero Moment Point (ZMP)".

Found as Schwartz and Hearst do ("A simple algorithm for identifying abbreviation definitions in biomedical text", 2003): the
letters of the abbreviation are looked for from right to left in the words before it, the first one at the beginning of a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

LONGEST = 100
"""Characters of a long form."""
MOST = 4
"""Abbreviations of one question that are looked up."""
_ABBREVIATION = re.compile(r"\b([A-Z][A-Za-z0-9]{0,8}[A-Z][A-Za-z0-9]{0,8}?)s?\b")
_OTHER = re.compile(r"[^\w'’/ -]")
"""What a long form does not go on over."""


def long_forms(question: str, texts: Iterable[str]) -> dict[str, str]:
    """{abbreviation: long form in lower case, the most frequent one} of the question's first `MOST` that the texts spell out.

    One that the question spells out itself is left out.
    """
    forms = {short: Counter[str]() for short in [*dict.fromkeys(_ABBREVIATION.findall(question))][:MOST]}
    for text in texts if forms else ():
        for short, counted in forms.items():
            counted.update(long.lower() for long in _spelled_out(short, text))
    most = {short: counted.most_common(1)[0][0] for short, counted in forms.items() if counted}
    return {short: long for short, long in most.items() if long not in question.lower()}


def _spelled_out(short: str, text: str) -> Iterator[str]:
    """Its long forms: "long form (short)" and "short (long form)"."""
    for match in re.finditer(rf"\({short}s?\)", text):
        before = _OTHER.split(text[max(0, match.start() - LONGEST) : match.start()])[-1]
        if long := _match(short, before):
            yield long
    for match in re.finditer(rf"\b{short}s? \(([^()]{{4,{LONGEST}}})\)", text):
        if _match(short, match[1]) == match[1]:
            yield match[1]


def _match(short: str, before: str) -> str | None:
    """The words at the end of `before` that `short` is made of."""
    words = before.split()
    text = " ".join(words[-min(len(short) + 5, 2 * len(short)) :])
    lower, at = text.lower(), len(text)
    for letter in reversed(short[1:].lower()):
        at = lower.rfind(letter, 0, max(0, at))
    while (at := lower.rfind(short[0].lower(), 0, max(0, at))) > 0 and text[at - 1].isalnum():
        pass
    return text[at:] if at >= 0 and len(text) - at > len(short) else None

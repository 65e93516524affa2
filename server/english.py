"""The English words by which questions, headings and sentences are told apart: the one place with rules for one language
(but for the forms of definitions, in `finding/ranking/definitions.py`).

For a question or a book in another language every test says no, and the terms alone decide.
"""

from __future__ import annotations

import re

_POINTS_BACK = re.compile(
    r"\b(?:it|its|itself|this|these|those|they|them|their|he|she|him|his|hers|former|latter)\b"
    r"|\b(?:about|after|before|by|do|does|for|from|how|in|is|like|of|on|to|was|why|with|without) that\b|\bthat\W*$"
    r"|\bthe [\w-]+ ones?\b|\b(?:this|that|which|another|other) ones?\b"
    r"|\bthe (?:first|second|third|last|next|other|same|previous)(?: ones?)?\W*$"
    r"|^\W*(?:and|or|but|so|also|then|why|what about|how about|what else|what if|yes|no|ok|okay)\b",
    re.IGNORECASE,
)
"""English; in other languages only the number of words tells."""
_IT = re.compile(r"\b(?:it|its|itself)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"\b(?:explain|describe|tell|show|give|list|name|define|definition|meaning|mean|compare|discuss|summari[sz]e|please|know|understand"
    r"|examples?|code|snippets?|work|works|does|do|used?|need|needed|difference|between|types?|kinds?|stands? for"
    r"|concepts?|algorithms?|methods?|techniques?|approach|approaches|ones?)\b",
    re.IGNORECASE,
)
"""Words that ask, and say nothing of what is asked about."""
_NAME = re.compile(r"\W*+(?:[A-Z]|[\w-]*\d)")
"""A word that is a name: "SLAM", "D435i"."""
_ASKS_WHAT = re.compile(r"\W*+[Ww]h(?:at|o)(?:'s| is| are)(?: an?)? (?!the\b|a\b|an\b)\w")
"""A short question that names its subject: "What is a gait?"; "the" in its place points back."""
_CODE = re.compile(
    r"[`_]|::|\(\)|(?<!\S)--?[a-z]|\w\.\w|\b(?:code|snippets?|examples?|scripts?|commands?|functions?|class|syntax|programs?|implement\w*)\b",
    re.IGNORECASE,
)
"""Words for code in English, and signs of it in any language."""


def points_back(question: str) -> bool:
    """Whether the question points at something said before it."""
    return bool(_POINTS_BACK.search(question))


def refers_to_it(question: str) -> bool:
    """Whether the question says "it" of what it is about."""
    return bool(_IT.search(question))


def names_its_subject(question: str) -> bool:
    """Whether a short question names what it is about, by a name behind its first word or as what is asked."""
    return any(_NAME.match(word) for word in question.split()[1:]) or bool(_ASKS_WHAT.match(question))


def without_request(question: str) -> str:
    """The question without the words that ask."""
    return _REQUEST.sub(" ", question)


def asks_for_code(question: str) -> bool:
    """Whether the question asks for code or holds some."""
    return bool(_CODE.search(question))

"""The English words by which questions, headings and sentences are told apart: the one place with rules for one language
(but for the forms of definitions, in `finding/ranking/definitions.py`).

For a question or a book in another language every test says no, and the terms alone decide.
"""

from __future__ import annotations

import re

SOON_WORDS = 6
"""A definition names its thing in so many words, then says what it is."""

_POINTS_BACK = re.compile(
    r"\b(?:it|its|itself|this|these|those|they|them|their|he|she|him|his|hers|former|latter)\b"
    r"|\b(?:about|after|before|by|do|does|for|from|how|in|is|like|of|on|to|was|why|with|without) that\b|\bthat\W*$"
    r"|\bthe [\w-]+ ones?\b|\b(?:this|that|which|another|other) ones?\b"
    r"|\bthe (?:first|second|third|last|next|other|same|previous)(?: ones?)?\W*$"
    r"|^\W*(?:and|or|but|so|also|then|why|what about|how about|what else|what if|yes|no|ok|okay)\b",
    re.IGNORECASE,
)
"""English; in other languages only the number of words tells."""
_REQUEST = re.compile(
    r"\b(?:explain|describe|tell|show|give|list|name|define|definition|meaning|mean|compare|discuss|summari[sz]e|please|know|understand"
    r"|examples?|code|snippets?|work|works|does|do|used?|need|needed|difference|between|types?|kinds?|stands? for"
    r"|concepts?|algorithms?|methods?|techniques?|approach|approaches|ones?)\b",
    re.IGNORECASE,
)
"""Words that ask, and say nothing of what is asked about."""
_NAMES = re.compile(r"\S\s+\W*(?:[A-Z][\w-]*|[\w-]*\d[\w-]*)|^\W*[Ww]h(?:at|o)(?:'s| is| are)(?: an?)? (?!the\b|a\b|an\b)\w")
"""A short question that names its subject: "How does SLAM work?", "What is a gait?"; "the" in its place points back."""
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
_ANAPHORIC = re.compile(
    r"(?:It|Its|They|Their|This|That|These|Those|Such|He|She|However|Therefore|Thus|Hence|Instead|Otherwise|Both|Here)\b"
)
_ASKS_FOR_CODE = re.compile(
    r"\b(?:code|snippets?|examples?|implement\w*|commands?|scripts?|syntax|python|bash|yaml|json|launch files?|config\w*"
    r"|install\w*)\b|[`_]|\w\(",
    re.IGNORECASE,
)
_ABOUT_THE_BOOK = re.compile(
    r"\b(?:(?:will|do|can|would) (?:i|we|you|readers|students) learn|objectives?|outcomes?|knowledge check|quiz\w*|homework"
    r"|assignments?|exercises|(?:practice|review) (?:questions|problems)|further reading|references|bibliography|contents)\b",
    re.IGNORECASE,
)
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
_GENERIC = re.compile(
    r"(?:introduction|overview|summary|conclusions?|recap|exercises?|next steps|references|further reading|prerequisites|quiz"
    r"|knowledge check|what you.ll learn|(?:learning )?objectives|key takeaways|table of contents|resources|faq"
    r"|best practices)\b.*",
    re.IGNORECASE,
)


def points_back(question: str) -> bool:
    """Whether the question points at something said before it."""
    return bool(_POINTS_BACK.search(question))


def names_its_subject(question: str) -> bool:
    """Whether a short question names what it is about."""
    return bool(_NAMES.search(question))


def without_request(question: str) -> str:
    """The question without the words that ask."""
    return _REQUEST.sub(" ", question)


def asks_what(question: str) -> bool:
    """Whether the question asks what something is."""
    return bool(_ASKS_WHAT.search(question))


def asks_how(question: str) -> bool:
    """Whether the question asks for steps."""
    return bool(_ASKS_HOW.search(question))


def asks_for_code(question: str) -> bool:
    """Whether code is an answer: it is asked for, or the question holds some itself."""
    return bool(_ASKS_FOR_CODE.search(question))


def asks_about_the_book(question: str) -> bool:
    """Whether the question is about what the book will teach, ask or point to."""
    return bool(_ABOUT_THE_BOOK.search(question))


def is_announcing(heading: str) -> bool:
    """Whether a section of this name says what will be learned, asked or read, and not the thing itself."""
    return bool(_ANNOUNCING.fullmatch(heading))


def is_generic(heading: str) -> bool:
    """Whether a heading of this name says nothing of what stands below it."""
    return bool(_GENERIC.fullmatch(heading))


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
    return bool(_ANAPHORIC.match(sentence))

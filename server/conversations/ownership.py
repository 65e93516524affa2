"""Which ids of conversations are keys.

Whoever knows the id of a conversation may read it, so an id counts only when no stranger has it or could guess it. Many front
ends send a constant ("default", "user-1") or a clock's reading; under such an id nothing is looked up.
"""

from __future__ import annotations

import math
import re

LEAST_BITS = 45.0
"""What a stranger has to guess: at 300 tries a minute, 200,000 years for one conversation. Nine characters of
`Math.random().toString(36)`, which many front ends take, hold 46."""

_CLOCK = re.compile(r"1\d{9}(?:\d{3}(?:\d{3})?)?")
"""Seconds, milliseconds or microseconds since 1970, until 2033."""
_CLOCK_BITS = 20.0
"""A clock's milliseconds, for one who knows the quarter of an hour: too little alone."""
_LONG_NUMBER = 15
"""Digits from which on a number is a fraction of `Math.random()` and no account's number."""
_SWITCH = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", re.IGNORECASE)
_TURN = re.compile(r"(?<=[a-z])(?=[A-Z\d])|(?<=[A-Z])(?=[a-z\d])|(?<=\d)(?=[a-zA-Z])")
_LONG, _OFTEN = 16, 0.45
"""Of letters of both cases and digits drawn at random, six of ten differ in kind from the one before."""
_WORDS = re.compile(
    r"(?:anonymous|anon|guest|visitor|reader|user|users|session|sessions|conversation|chat|thread|message|default|demo|test"
    r"|local|client|browser|widget|book|web|site|page|bot|id|new|my|public|shared)+\d*",
    re.IGNORECASE,
)
"""What front ends put into ids that is the same for every reader."""


def is_key(conversation_id: str) -> bool:
    """Whether the id is a key: it was drawn at random, from enough."""
    return _bits(conversation_id) >= LEAST_BITS


def _bits(conversation_id: str) -> float:
    """What of the id is random, estimated from below, in bits.

    Words, short numbers and repetitions count nothing. A piece that could be a word counts only beside a clock's reading,
    where front ends put their random part.
    """
    if conversation_id in (conversation_id * 2)[1:-1]:  # a shorter one, repeated
        return 0.0
    if len(conversation_id) >= _LONG and len(_TURN.findall(conversation_id)) >= _OFTEN * len(conversation_id):
        return math.log2(62) * len(conversation_id)
    pieces = re.findall(r"[a-z0-9]+", conversation_id, re.IGNORECASE)
    hex_only = [piece for piece in pieces if re.fullmatch(r"[0-9a-f]+", piece, re.IGNORECASE)]
    if len("".join(hex_only)) >= 32 and _is_mixed("".join(hex_only)):  # a UUID, with or without its hyphens
        return 4.0 * len("".join(hex_only))
    clock = any(_CLOCK.fullmatch(piece) for piece in pieces)
    return sum(_bits_of(piece, beside_clock=clock) for piece in dict.fromkeys(pieces)) + (_CLOCK_BITS if clock else 0.0)


def _bits_of(piece: str, *, beside_clock: bool) -> float:
    if piece.isdigit():
        return math.log2(10) * len(piece) if len(piece) >= _LONG_NUMBER and len(set(piece)) > 4 else 0.0
    if _WORDS.fullmatch(piece) or not (_is_mixed(piece) or beside_clock):
        return 0.0
    alphabet = 62 if piece.lower() != piece and piece.upper() != piece else 36
    return math.log2(alphabet) * min(len(piece), 2 * len(set(piece)))


def _is_mixed(piece: str) -> bool:
    """Whether letters and digits alternate, as in no word and no numbered name."""
    return len(_SWITCH.findall(piece)) >= 2

"""What in a model's Markdown is a citation marker, what is code or a link, and what cannot be told yet.

Models cite as `[1]`, `[1, 3]`, `[1][2]`, `[1-3]`, `[[1]]`, `[^1]`, `[Source 1]`, `[Passages 1 and 2]`, `【1†source】`.
The rule:

1. Code is never touched: fenced blocks (CommonMark 4.5; an unclosed one runs to the end) and code spans (6.1: a run of
   backticks closed by an equal run in the same paragraph).
2. A link is never touched: `[1](address)`.
3. A list with 0 in it is an interval or an index (`[0, 1]`, `x[0]`): passages are numbered from 1.
4. Everything else of these forms is a marker; so is one that the end of the text cuts in two, which cites nothing.

`Scanner.next` looks a bounded number of characters ahead and answers None while those are not there, so what it finds does not
depend on how the text was cut into deltas, and the work is linear in its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NO_ANSWER = "[NO_ANSWER]"
"""What the model begins with when the passages do not hold the answer."""
MARKER_LIMIT = 120
"""Most characters of a marker."""
SPAN_LIMIT = 1000
"""Most characters of a code span, a link's address, or a fence's info string."""

_WORD = r"(?a:sources?|passages?|ref(?:erence)?s?\.?|doc(?:ument)?s?|excerpts?|citations?)"
_WORDS_BEGUN = ("source", "passage", "ref", "doc", "excerpt", "citation", "no_answer", "no answer", "no-answer")
_NUMBER = rf"(?:{_WORD}\s{{0,2}}[:#]?\s{{0,2}})?[#^]{{0,2}}[0-9]{{1,3}}"
_BETWEEN = r"\s{0,2}(?:,\s{0,2}(?:and\s)?|;|&|and\s|-|–)\s{0,2}"
_TAIL = r"(?:(?::[0-9]+)?†[^\[\]【】\n]*|:\s?[^\s0-9\[\]【】][^\[\]【】\n]*)?\s?\\?"
_BODY = rf"\s?({_NUMBER}(?:{_BETWEEN}{_NUMBER}){{0,12}}){_TAIL}"
MARKER = re.compile(rf"\\?\[\[{_BODY}\]\]|\\?\[{_BODY}\]|【{_BODY}】", re.IGNORECASE)
_NO_ANSWER = r"\s?(?a:NO[ _-]?ANSWER)\s?\\?"
_SIGN = re.compile(rf"\\?\[\[{_NO_ANSWER}\]\]|\\?\[{_NO_ANSWER}\]", re.IGNORECASE)
_BEGUN = re.compile(r"\\?(?:\[{1,2}|【|\Z)\s?(?P<word>[A-Za-z_ -]*)(?P<rest>[^\[\]【】]*)\]?\Z")
_CUT_OFF = re.compile(
    rf"\\?(?:\[{{1,2}}|【)\s?(?:(?:{_NUMBER}{_BETWEEN}){{0,12}}(?:{_NUMBER}|{_WORD}\s{{0,2}}[:#]?\s{{0,2}}|[#^]{{0,2}})"
    rf"|(?a:N(?:O(?:[ _-]?A?N?S?W?E?R?)?)?)){_TAIL}\]?\Z",
    re.IGNORECASE,
)
"""A marker or sign that the end of the text cuts in two."""
_ITEM = re.compile(r"[0-9]+|[-–]")

_LINK = re.compile(r"\((?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)(?:[ \t]+\"[^\"\n]*\")?\)")
_LINK_BEGUN = re.compile(
    r"\((?:<[^<>\n]*|(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)(?:\([^\s()]*|[ \t]+(?:\"[^\"\n]*\"?)?)?)\Z"
)
_FENCE = re.compile(r"[ \t>]{0,40}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,8})?(?P<run>`{3,99}|~{3,99})")
_FENCE_BEGUN = re.compile(r"[ \t>]{0,40}(?:(?:[-*+]|\d{1,3}[.)]?)[ \t]{0,8})?(?:`{0,99}|~{0,99})\Z")
_FENCE_END = re.compile(r"[ \t>]{0,40}(?P<run>`{3,99}|~{3,99})[ \t]{0,40}(?:\n|\Z)")
_FENCE_END_BEGUN = re.compile(r"[ \t>]{0,40}(?:`{0,99}|~{0,99})[ \t]{0,40}\Z")
_PARAGRAPH_END = re.compile(r"\n[ \t]*(?:\n|```|~~~)")
_BACKTICKS = re.compile(r"`+")
_PLAIN = re.compile(r"[^\n`\[\]【\\]+")
_REST_OF_LINE = re.compile(r"[^\n]*\n?")


@dataclass(frozen=True, slots=True)
class ScannedText:
    """The next thing in the text."""

    kind: Literal["text", "marker", "sign"]
    end: int
    """Offset behind it in the scanned text."""
    numbers: tuple[int, ...] = ()
    """What a marker cites, ranges written out."""


class Scanner:
    """Walks a growing text; remembers only whether it stands in a fence and at a line's beginning."""

    def __init__(self) -> None:
        self._fence = ""
        self._line_begins = True

    def next(self, text: str, at: int, before: str, *, final: bool) -> ScannedText | None:
        """What begins at `at`, or None when more text must come first. `before`: the character in front of `at`, or ''.

        `final`: no more text will come; then it is never None.
        """
        piece = self._in_fence(text, at, final=final) if self._fence else self._outside(text, at, before, final=final)
        if piece is not None:
            self._line_begins = text[piece.end - 1] == "\n"
        return piece

    def _in_fence(self, text: str, at: int, *, final: bool) -> ScannedText | None:
        if self._line_begins:
            if not final and _FENCE_END_BEGUN.match(text, at):
                return None
            if (end := _FENCE_END.match(text, at)) and end["run"].startswith(self._fence):
                self._fence = ""
        return ScannedText("text", _end(_REST_OF_LINE, text, at))

    def _outside(self, text: str, at: int, before: str, *, final: bool) -> ScannedText | None:
        if self._line_begins:
            if not final and _FENCE_BEGUN.match(text, at):
                return None
            if fence := _FENCE.match(text, at):
                info = text[fence.end() : fence.end() + SPAN_LIMIT].partition("\n")
                span = fence["run"][0] == "`" and "`" in info[0]
                if not (span or info[1] or final or len(info[0]) == SPAN_LIMIT):
                    return None
                if not span:
                    self._fence = fence["run"]
                    return ScannedText("text", fence.end() + len(info[0]) + len(info[1]))
        return _inline(text, at, before, final=final)


def is_begun(text: str) -> bool:
    """Whether `text` could be the beginning of a marker or of the no-answer sign."""
    match = _BEGUN.match(text)
    if match is None or len(text) >= MARKER_LIMIT:
        return False
    word = match["word"].strip().lower()
    if word:
        return any(word.startswith(known) or known.startswith(word) for known in _WORDS_BEGUN)
    return match["rest"][:1] in {"", *"#^0123456789\\"}


def sign_at(text: str, at: int) -> int | None:
    """Where the no-answer sign that begins at `at` ends; None when none does."""
    match = _SIGN.match(text, at)
    return match.end() if match else None


def _inline(text: str, at: int, before: str, *, final: bool) -> ScannedText | None:
    if plain := _PLAIN.match(text, at):
        return ScannedText("text", plain.end())
    match text[at]:
        case "\n":
            return ScannedText("text", at + 1)
        case "`":
            return _code_span(text, at, final=final)
        case "]":
            end = _link_end(text, at + 1, final=final)
            return None if end is None else ScannedText("text", end)
        case "\\" if text[at + 1 : at + 2] != "[":
            return ScannedText("text", min(at + 2, len(text))) if final or at + 1 < len(text) else None
        case _:
            return _bracket(text, at, before, final=final)


def _bracket(text: str, at: int, before: str, *, final: bool) -> ScannedText | None:
    if sign := sign_at(text, at):
        return ScannedText("sign", sign)
    marker = MARKER.match(text, at, at + MARKER_LIMIT)
    if marker is None and final and len(text) - at < MARKER_LIMIT and _CUT_OFF.match(text, at):
        return ScannedText("marker", len(text))
    if marker is None:
        wait = not final and is_begun(text[at : at + MARKER_LIMIT])
        return None if wait else ScannedText("text", at + 1)
    numbers = _numbers(marker[1] or marker[2] or marker[3])
    if 0 in numbers and (len(numbers) > 1 or before.isalnum() or before == "_"):
        return ScannedText("text", marker.end())
    end = _link_end(text, marker.end(), final=final)
    if end is None:
        return None
    return ScannedText("marker", end, numbers) if end == marker.end() else ScannedText("text", end)


def _numbers(body: str) -> tuple[int, ...]:
    """The numbers a marker's body names: `1, 3-5` gives 1, 3, 4, 5."""
    numbers: list[int] = []
    ranged = False
    for item in _ITEM.findall(body):
        if item.isdigit():
            first = numbers[-1] + 1 if ranged and numbers[-1] < int(item) else int(item)
            numbers += range(first, int(item) + 1)
        ranged = not item.isdigit()
    return tuple(dict.fromkeys(numbers))


def _code_span(text: str, at: int, *, final: bool) -> ScannedText | None:
    """A code span that begins at `at`, or its backticks alone when nothing closes them."""
    run = _end(_BACKTICKS, text, at, at + SPAN_LIMIT)
    if run == at + SPAN_LIMIT:
        return ScannedText("text", run)
    if run == len(text) and not final:
        return None
    horizon = min(len(text), run + SPAN_LIMIT)
    paragraph_end = _PARAGRAPH_END.search(text, run, horizon)
    stop = paragraph_end.start() if paragraph_end else horizon
    for other in _BACKTICKS.finditer(text, run):
        if other.start() >= stop:
            break
        length = other.end() - other.start()
        if other.end() == len(text) and length < SPAN_LIMIT and not final:
            return None
        if length == run - at:
            return ScannedText("text", other.end())
    known = final or paragraph_end is not None or len(text) >= run + SPAN_LIMIT
    return ScannedText("text", run) if known else None


def _link_end(text: str, at: int, *, final: bool) -> int | None:
    """Where the `(address)` that begins at `at` ends: `at` itself when there is none, None when it cannot be told yet."""
    if at == len(text):
        return at if final else None
    if link := _LINK.match(text, at, at + SPAN_LIMIT):
        return link.end()
    begun = not final and len(text) - at < SPAN_LIMIT and _LINK_BEGUN.match(text, at)
    return None if begun else at


def _end(pattern: re.Pattern[str], text: str, at: int, limit: int | None = None) -> int:
    match = pattern.match(text, at, len(text) if limit is None else limit)
    return match.end() if match else at

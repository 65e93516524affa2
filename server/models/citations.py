"""A model's text in, delta by delta; what the reader sees and what it cites out."""

from __future__ import annotations

import re
from collections.abc import Collection

from server.models.citation_markers import MARKER_LIMIT, Scanner, is_begun, sign_at

_DECORATION = re.compile(r"[\s*_`\"'“>]{0,8}")
"""What models put around a sign they were told to write plainly."""
_AFTER_DECORATION = " \t\r\n*_`\"'”.:"
_OPEN_BRACKET = re.compile(r"[\[【][^\[\]【】]*\Z")
_CERTAIN = re.compile(r"(?:[^\[【\\\s]|\s+(?=[^\[【\\\s]))*")
"""Text that stays as it is whatever follows: no marker begins in it, and no marker that may be dropped comes right after it."""
_CLINGS = " \t\n.,;:!?)"


class Citations:
    """Filters one answer. Markers come out as `[n]`; one that names no passage is left out, with the space before it.

    What comes out is the same however the text was cut into deltas; only what may yet become a marker is held back.
    """

    def __init__(self, known: Collection[int]) -> None:
        """`known`: the numbers of the passages the answer may cite."""
        self.cited: tuple[int, ...] = ()
        """Passages cited so far, in the order of their first marker."""
        self._known = frozenset(known)
        self._scanner = Scanner()
        self._text = ""
        self._before = ""
        self._began = False
        self._signed_first = False
        self._signed = False
        self._skip: str = " \t\r\n"
        self._space = ""
        self._dropped = False
        self._said = ""
        self._ahead = 0

    @property
    def abstained(self) -> bool:
        """The model said that the passages do not hold the answer: at once, or without citing any."""
        return self._signed_first or (self._signed and not self.cited)

    def feed(self, delta: str) -> str:
        """The text that is certain after this delta; may be empty."""
        self._text += delta
        return self._drain(final=False)

    def close(self) -> str:
        """The rest, once no more deltas come."""
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> str:
        if not self._began and not self._begin(final=final):
            return ""
        out: list[str] = []
        at = 0
        while at < len(self._text):
            piece = self._scanner.next(self._text, at, self._before, final=final)
            if piece is None:
                break
            raw = self._text[at : piece.end]
            out.append(self._say(raw) if piece.kind == "text" else self._mark(piece.numbers, sign=piece.kind == "sign"))
            at, self._before = piece.end, raw[-1]
        self._text = self._text[at:]
        return self._beyond("".join(out))

    def _begin(self, *, final: bool) -> bool:
        """Take the no-answer sign off the front; False while it may still be coming."""
        decoration = _DECORATION.match(self._text)
        start = decoration.end() if decoration else 0
        sign = sign_at(self._text, start)
        if sign is None and not final and (start == len(self._text) or is_begun(self._text[start : start + MARKER_LIMIT])):
            return False
        if sign is not None:
            self._signed = self._signed_first = True
            self._skip = _AFTER_DECORATION if self._text[:start].strip() else self._skip
            self._text = self._text[sign:]
        self._began = True
        return True

    def _say(self, raw: str) -> str:
        """`raw` as text, without the spaces at its end: those wait for what follows."""
        if self._skip:
            raw = raw.lstrip(self._skip)
            if not raw:
                return ""
            self._skip = ""
        lead = self._lead(raw)
        body = raw.rstrip(" \t")
        self._space = raw[len(body) :] if body else lead + raw
        self._dropped = False
        return self._record(lead + body) if body else ""

    def _lead(self, raw: str) -> str:
        return "" if self._dropped and raw[0] in _CLINGS else self._space

    def _mark(self, numbers: tuple[int, ...], *, sign: bool) -> str:
        kept = [n for n in numbers if n in self._known]
        self._signed = self._signed or sign
        if kept:
            self.cited = tuple(dict.fromkeys((*self.cited, *kept)))
            lead, self._space, self._skip, self._dropped = self._space, "", "", False
            return self._record(lead + "".join(f"[{n}]" for n in kept))
        if (bracket := _OPEN_BRACKET.search(self._said + self._space)) and is_begun(bracket[0]):
            # `[[9]7]` without its `[9]` would read `[7]`.
            lead, self._space = self._space, ""
            return self._record(lead + "…")
        if self._said.endswith("\n"):
            self._skip = " \t"
        self._dropped = True
        return ""

    def _record(self, text: str) -> str:
        self._said = (self._said + text)[-MARKER_LIMIT:]
        return text

    def _beyond(self, produced: str) -> str:
        """`produced` without what was already said ahead of it, and with what can be said ahead of the held-back text."""
        fresh, self._ahead = produced[self._ahead :], max(0, self._ahead - len(produced))
        certain = _CERTAIN.match(self._text)
        if certain and certain[0] and not self._skip:
            ahead = self._lead(certain[0]) + certain[0]
            fresh, self._ahead = fresh + ahead[self._ahead :], max(self._ahead, len(ahead))
        return fresh

"""A word that stands in our instructions and nowhere else: a model that says it is reciting them, and is cut off. Pure."""

from __future__ import annotations

import secrets
from functools import cache


@cache
def canary() -> str:
    """The word of this process: nobody can know it who was not told."""
    return f"canary-{secrets.token_hex(8)}"


class CanaryWatch:
    """Follows one answer; what comes out never holds the word, nor its beginning where the rest may follow."""

    def __init__(self, word: str) -> None:
        self._word = word.casefold()
        self._held = ""
        self.is_found = False
        """The word was said: nothing comes out any more."""

    def feed(self, delta: str) -> str:
        """What of the text up to here is certain not to be the word; may be empty."""
        if self.is_found:
            return ""
        text, self._held = self._held + delta, ""
        folded = text.casefold()
        at = folded.find(self._word)
        if at >= 0:
            self.is_found = True
            return text[:at] if len(folded) == len(text) else ""
        longest = min(len(self._word) - 1, len(text))
        begun = next((size for size in range(longest, 0, -1) if self._word.startswith(folded[-size:])), 0)
        self._held = text[len(text) - begun :]
        return text[: len(text) - begun]

    def close(self) -> str:
        """What was held back, once no more deltas come."""
        held, self._held = self._held, ""
        return held

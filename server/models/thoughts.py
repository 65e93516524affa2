"""Takes a model's thoughts out of what it says: some servers stream them between `<think>` and `</think>`. Pure."""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)think>", re.IGNORECASE)
_TAGS = ("<think>", "</think>")


class Thoughts:
    """Filters one answer; what comes out is the same however the text was cut into deltas.

    A thought that does not end is one to the end of the answer. A tag that only ends is left out: what is before it was said.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False

    def feed(self, delta: str) -> str:
        """What is no thought of the text up to here; may be empty. Held back is only what may yet become a tag."""
        text, self._held = self._held + delta, ""
        said: list[str] = []
        at = 0
        for tag in _TAG.finditer(text):
            said.append("" if self._thinking else text[at : tag.start()])
            self._thinking, at = not tag[1], tag.end()
        rest = text[at:]
        if start := _begun_tag(rest):
            rest, self._held = rest[:-start], rest[-start:]
        return "".join([*said, "" if self._thinking else rest])

    def close(self) -> str:
        """What was held back, once no more deltas come."""
        held, self._held = self._held, ""
        return "" if self._thinking else held


def _begun_tag(text: str) -> int:
    """How many characters at the end may be the beginning of a tag."""
    start = text.rfind("<", -max(map(len, _TAGS)))
    begun = text[start:].lower() if start >= 0 else ""
    return len(begun) if begun and any(tag.startswith(begun) for tag in _TAGS) else 0

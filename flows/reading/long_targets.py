"""Link targets so long that they would count as text: pictures in the page itself (`data:`), playgrounds, signed addresses.

No reader sees them, so neither the size of a chunk nor a limit on lines takes them in.
"""

from __future__ import annotations

import re

LONG = 100
"""Characters from which a target is long; others cost less to count than to leave out."""
FORMS = [re.compile(rf"{before}([^\s<>\"'()]{{{LONG},}})") for before in (r"\]\(<?", r"\]:[ \t]*<?", r"=\{?[\"']")]
"""Inline, defined, and in an attribute; each begins with a literal, which is far faster to search for."""


def long_targets(text: str) -> list[tuple[int, int]]:
    """Offsets of the long targets in `text`, in order and apart; those in code, where they are shown, too.

    Of each the first character is left out: a target without any would be none.
    """
    return sorted((match.start(1) + 1, match.end(1)) for form in FORMS for match in form.finditer(text))


def without(text: str, ranges: list[tuple[int, int]], start: int = 0, end: int | None = None) -> str:
    """start..end of `text` without `ranges`."""
    kept: list[str] = []
    end = len(text) if end is None else end
    for first, last in ranges:
        if last > start and first < end:
            kept.append(text[start:first])
            start = max(start, last)
    kept.append(text[start:end])
    return "".join(kept)

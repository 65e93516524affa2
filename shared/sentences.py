"""Where sentences end: the one place that knows, for cutting long paragraphs and for quoting."""

from __future__ import annotations

import re
from collections.abc import Iterator

SENTENCE_END = re.compile(
    r"""(?<![.!?…])[.!?…]+["'”’)\]*_]*\s+(?=["'“‘(\[*_]*[^\W_a-z])   # Latin, Greek, Cyrillic: a capital follows
      | [。！？]["」』）”]*\s*                                          # Chinese, Japanese
      | (?<![।؟۔።])[।؟۔።]+\s+                                                     # Devanagari, Arabic, Urdu, Ethiopic
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|fig|figs|eq|eqs|no|vol|dr|mr|mrs|ms|prof|st|approx|[A-Z])\Z", re.IGNORECASE
)
_LONGEST_ABBREVIATION = 8


def sentences(paragraph: str) -> Iterator[str]:
    """The sentences of one paragraph, whose lines are joined; "e.g." and its like end none."""
    start = 0
    for match in SENTENCE_END.finditer(paragraph):
        before = paragraph[max(start, match.start() - _LONGEST_ABBREVIATION) : match.start()]
        if match[0].rstrip() == "." and _ABBREVIATION.search(before):
            continue
        yield paragraph[start : match.end()].strip()
        start = match.end()
    if rest := paragraph[start:].strip():
        yield rest

"""Limits on hostile or broken input, checked before anything is parsed.

markdown-it-py needs seconds for a 3 kB table of 625 columns and for lists nested 5,000 deep; nothing an author writes by hand
comes near these figures.
"""

from __future__ import annotations

import re

from flows.reading.lines import SourceLines
from flows.reading.long_targets import long_targets, without
from shared.errors import DocumentError

MAX_FILE_BYTES = 2_000_000
MAX_LINE_BYTES = 20_000
MAX_TABLE_COLUMNS = 200
MAX_NESTING = 100
"""Quotes or list items inside each other."""
DELIMITERS = frozenset(" \t>|:-")
QUOTE_MARKS = re.compile(r"(?:[ \t]*>)*")


def check_input(path: str, source: SourceLines) -> None:
    """Raise `DocumentError` when a file is over a limit that can be seen without parsing it."""
    text, lines, _ = source
    if 4 * len(text) > MAX_FILE_BYTES and (size := len(text.encode())) > MAX_FILE_BYTES:
        raise DocumentError(path, None, f"the file is {size} bytes, expected at most {MAX_FILE_BYTES}")
    for number in [index for index, size in enumerate(map(len, lines)) if size > MAX_NESTING]:  # over any limit it is longer
        line = lines[number]
        if (line[0] in DELIMITERS or 4 * len(line) > MAX_LINE_BYTES) and (reason := _over(line)):
            raise DocumentError(path, number + 1, reason)


def _over(line: str) -> str | None:
    """Which limit the line is over."""
    if 4 * len(line) > MAX_LINE_BYTES and (size := len(without(line, long_targets(line)).encode())) > MAX_LINE_BYTES:
        return f"the line is {size} bytes, expected at most {MAX_LINE_BYTES}"
    if DELIMITERS.issuperset(line) and (columns := line.strip(" \t>|").count("|") + 1) > MAX_TABLE_COLUMNS:
        return f"the table has {columns} columns, expected at most {MAX_TABLE_COLUMNS}"
    marks = QUOTE_MARKS.match(line)
    if marks and marks[0].count(">") > MAX_NESTING:
        return f"quotes are nested {marks[0].count('>')} deep, expected at most {MAX_NESTING}"
    return None

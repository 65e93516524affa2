"""Limits on hostile or broken input, checked before anything is parsed.

markdown-it-py needs seconds for a 3 kB table of 625 columns and for lists nested 5,000 deep; nothing an author writes by hand
comes near these figures.
"""

from __future__ import annotations

import re

from shared.errors import DocumentError

MAX_FILE_BYTES = 2_000_000
MAX_LINE_BYTES = 20_000
MAX_TABLE_COLUMNS = 200
MAX_NESTING = 100
"""Quotes or list items inside each other."""
LONG_LINE = re.compile(rf"[^\r\n]{{{MAX_LINE_BYTES // 4},}}")
"""No character is longer than four bytes in UTF-8."""
WIDE_DELIMITER_ROW = re.compile(rf"^[ \t>|:-]{{{2 * MAX_TABLE_COLUMNS},}}$", re.MULTILINE)
DEEP_QUOTE = re.compile(rf"^[ \t]*(?:>[ \t]*){{{MAX_NESTING + 1}}}", re.MULTILINE)


def check_caps(path: str, text: str) -> None:
    """Raise `DocumentError` when `text` is over a cap that can be seen without parsing it."""
    if 4 * len(text) > MAX_FILE_BYTES and (size := len(text.encode())) > MAX_FILE_BYTES:
        raise DocumentError(path, None, f"the file is {size} bytes, expected at most {MAX_FILE_BYTES}")
    for match in LONG_LINE.finditer(text):
        if (size := len(match[0].encode())) > MAX_LINE_BYTES:
            raise _over(path, text, match.start(), f"the line is {size} bytes, expected at most {MAX_LINE_BYTES}")
    for match in WIDE_DELIMITER_ROW.finditer(text):
        if (columns := match[0].strip(" \t>|").count("|") + 1) > MAX_TABLE_COLUMNS and "-" in match[0]:
            raise _over(path, text, match.start(), f"the table has {columns} columns, expected at most {MAX_TABLE_COLUMNS}")
    if deep := DEEP_QUOTE.search(text):
        raise _over(path, text, deep.start(), f"quotes are nested deeper than {MAX_NESTING}")


def _over(path: str, text: str, offset: int, reason: str) -> DocumentError:
    return DocumentError(path, text.count("\n", 0, offset) + 1, reason)

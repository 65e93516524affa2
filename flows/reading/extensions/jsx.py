"""Whether a page is MDX, and where a JSX tag, an expression or an ESM statement ends.

Linear scans that never raise; -1 means "it is not one".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

NAME = re.compile(r"</?(?:[A-Za-z_$][\w$.:-]*)?")
ATTRIBUTE = re.compile(r"\s+[A-Za-z_$:@][\w$:.@-]*(\s*=\s*)?|\s*(?=\{)")
VALUE = re.compile(r""""[^"]*"|'[^']*'|[^\s"'=<>`{}/]+""")
TAG_END = re.compile(r"\s*/?>")
SCRIPT = re.compile(r"""[{}()\[\]]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/""", re.DOTALL)
BRACE = re.compile(r"""[{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|/\*.*?\*/""", re.DOTALL)
MAX_CODE_POINT = 0x10FFFF
BLANK_LINE = re.compile(r"\n[ \t]*(?=\n|\Z)")
ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n|.))", re.DOTALL)
CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
FORMATS = ("mdx", "md", "detect")
"""Docusaurus' `markdown.format`."""
MAX_CHARS = 20_000
"""Longest tag, expression or statement: what is longer is text, and a scan that fails costs no more than this."""


def string_value(literal: str) -> str:
    """What stands between the quotes of a JavaScript string means: `./\\_x.mdx` is `./_x.mdx` (ECMA-262, 12.9.4)."""

    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code is None:
            return CONTROLS.get(match[4], match[4])
        return chr(int(code, 16)) if int(code, 16) <= MAX_CODE_POINT else match[0]

    return ESCAPE.sub(character, literal) if "\\" in literal else literal


def tag_end(text: str, start: int) -> int:
    """The offset behind the tag that starts at `start` (a `<`), attributes over several lines included."""
    name = NAME.match(text, start)
    if name is None:
        return -1
    position, limit = name.end(), start + MAX_CHARS
    while position < limit:
        end = TAG_END.match(text, position)
        if end:
            return end.end()
        position = _attribute_end(text, position, limit)
        if position < 0:
            return -1
    return -1


def _attribute_end(text: str, start: int, limit: int) -> int:
    attribute = ATTRIBUTE.match(text, start, limit)
    if attribute is None:
        return -1
    position = attribute.end()
    if text.startswith("{", position):
        return expression_end(text, position)
    if attribute[1] is None:
        return position if position > start and attribute[0].strip() else -1
    value = VALUE.match(text, position, limit)
    return value.end() if value else -1


def expression_end(text: str, start: int) -> int:
    """The offset behind the `{...}` that starts at `start`; strings and comments may hold any brace."""
    depth = 0
    for match in BRACE.finditer(text, start, start + MAX_CHARS):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    return -1


def statement_end(text: str, start: int) -> int:
    """The offset of the blank line (or end of text) that ends the `import`/`export` at `start`.

    As in MDX, a statement goes on over blank lines while one of its brackets is open; one that never closes ends at the first.
    """
    first = end = _blank_line(text, start)
    depth, position = 0, start
    while end - start < MAX_CHARS:
        depth += sum(_step(match[0]) for match in SCRIPT.finditer(text, position, end))
        if depth <= 0:
            return end
        if end >= len(text):
            return first
        position, end = end, _blank_line(text, end + 1)
    return first


def _blank_line(text: str, start: int) -> int:
    match = BLANK_LINE.search(text, start)
    return match.start() if match else len(text)


def _step(mark: str) -> int:
    return 1 if mark in "{([" else -1 if mark in "})]" else 0


def is_mdx(path: str, front_matter: Mapping[str, Any], site_format: str = "") -> bool | None:
    """Whether the file at `path` is MDX; None where only its text can tell.

    As Docusaurus decides (`@docusaurus/mdx-loader`, `format.ts`): the front matter's `mdx: {format: mdx | md | detect}`, else
    `site_format`, its `markdown.format`; `detect` goes by the file's extension. Without any of them `.mdx` is MDX.
    """
    options: object = front_matter.get("mdx")
    chosen = cast("dict[str, object]", options).get("format") if isinstance(options, dict) else None
    chosen = chosen if chosen in FORMATS else site_format
    if chosen in {"mdx", "md"}:
        return chosen == "mdx"
    return True if path.endswith(".mdx") else False if chosen == "detect" else None

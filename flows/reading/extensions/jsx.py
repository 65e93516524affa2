"""Whether a page is MDX, and where a JSX tag, an expression or an ESM statement ends.

Linear scans that never raise; -1 means "it is not one".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

NAME = re.compile(r"</?(?:[A-Za-z_$][\w$.:-]*)?")
ATTRIBUTE = re.compile(r"\s+[A-Za-z_$:@][\w$:.@-]*(\s*=\s*)?|\s*(?=\{)")
VALUE = re.compile(r""""[^"]*"|'[^']*'|[^\s"'=<>`{}/]+""")
TAG_END = re.compile(r"\s*/?>")
SIGN = re.compile(r"""[{}()\[\]"'`]|//|/\*""")
QUOTED = {
    '"': re.compile(r'(?:\\.|[^"\\\n])*+', re.DOTALL),
    "'": re.compile(r"(?:\\.|[^'\\\n])*+", re.DOTALL),
    "`": re.compile(r"(?:\\.|[^`\\])*+", re.DOTALL),
}
"""What stands between the quotes of a string."""
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
    for bracket, end in brackets(text, start, min(start + MAX_CHARS, len(text)), line_comments=False):
        if bracket in "{}":
            depth += _step(bracket)
            if depth == 0 and bracket == "}":
                return end
    return -1


def statement_end(text: str, start: int) -> int:
    """The offset of the blank line (or end of text) that ends the `import`/`export` at `start`.

    As in MDX, a statement goes on over blank lines while one of its brackets is open; one that never closes ends at the first.
    """
    first = end = _blank_line(text, start)
    depth, position = 0, start
    while end - start < MAX_CHARS:
        depth += sum(_step(bracket) for bracket, _ in brackets(text, position, end, line_comments=True))
        if depth <= 0:
            return end
        if end >= len(text):
            return first
        position, end = end, _blank_line(text, end + 1)
    return first


def brackets(text: str, start: int, end: int, *, line_comments: bool) -> Iterator[tuple[str, int]]:
    """Each bracket outside of strings and comments, and the offset behind it, in time linear in the text.

    A quote or a comment that is not closed is a sign like any other.
    """
    unclosed, position, has_comments = dict[str, int](), start, True
    while sign := SIGN.search(text, position, end):
        mark, position = sign[0], sign.end()
        if mark in QUOTED:
            position = max(position, string_end(text, position, end, unclosed))
        elif mark == "//":
            newline = text.find("\n", position, end) if line_comments else sign.start() + 1
            position = newline if newline >= 0 else end
        elif mark == "/*":
            closing = text.find("*/", position, end) if has_comments else -1
            has_comments = closing >= 0
            position = closing + 2 if has_comments else position
        else:
            yield mark, position


def string_end(text: str, start: int, end: int, unclosed: dict[str, int]) -> int:
    """The offset behind the string whose quote stands before `start`; -1 where it is not closed.

    `unclosed`: for the next call about this text. Up to where one quote found no partner, no other of its kind finds one: what
    stands between them is escaped, so that both see the same signs behind.
    """
    quote = text[start - 1]
    if start <= unclosed.get(quote, 0):
        return -1
    inside = QUOTED[quote].match(text, start, end)
    stop = inside.end() if inside else start
    if stop < end and text[stop] == quote:
        return stop + 1
    unclosed[quote] = stop
    return -1


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

"""Lines that only one kind of site knows: PyMdown's blocks, mkdocstrings, MyST's targets, comments and fields."""

from __future__ import annotations

import re
from collections.abc import Callable

from flows.reading.extensions.directives import GENERATED, take_directive
from flows.reading.extensions.directives import MARK as DIRECTIVE
from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside

PYMDOWN = (
    r"(?P<block>/{3,}[ \t]*(?:$|[A-Za-z]))",
    r"(?P<generated>:::[ \t]+[\w.:*/\[\]-]+[ \t]*$)",
    r"(?P<nothing>\*\[[^\]\n]+\]:[ \t])",
)
MYST = (
    DIRECTIVE,
    r"(?P<nothing>\([^()\s]+\)=[ \t]*$|%(?:[ \t]|$).*|\+\+\+|:(?:orphan|tocdepth|nosearch|nocomments):)",
    r"(?P<field>:[\w][\w .-]*:[ \t]+(?=\S))",
)
MARKS = {"mkdocs": PYMDOWN, "sphinx": MYST}
"""What begins such a line, by kind of site: alternatives of a verbose pattern."""
BLOCK = re.compile(r"(/{3,})[ \t]*(?:([A-Za-z][\w-]*)[ \t]*(?:\|[ \t]*(.*))?)?$")
UNTITLED_BLOCKS = frozenset({"html", "define", "caption", "figure-caption", "table-caption", "tab", "admonition", "details"})
"""Blocks of PyMdown that show no title of their own."""
UNTITLED = frozenset({"code-group", "raw", "v-pre", "tabs", "tab-set", "grid", "div", "details", "steps", "cards", "columns"})
"""Containers whose name is not shown."""
OPTION_COLUMNS = 4
"""How much further in than a block its options stand."""


def _is_option(line: str, prefix: str) -> bool:
    """Whether `line` is an option of the block whose mark stands behind `prefix`."""
    content = line.lstrip(" \t>")
    margin = line[: len(line) - len(content)].expandtabs(OPTION_COLUMNS)
    return content.strip() != "" and len(margin) >= len(prefix.expandtabs(OPTION_COLUMNS)) + OPTION_COLUMNS


def default_title(name: str) -> str:
    """What a container without a title shows."""
    return "" if name.lower() in UNTITLED else name.capitalize()


def _block(page: PageLines, number: int, match: re.Match[str]) -> int:
    """`/// type | title`, options indented below, `///` (pymdownx.blocks); more slashes nest."""
    found = BLOCK.match(page.lines[number].rstrip(), match.start("block"))
    if found is None or page.is_code(number, match["prefix"]):
        return number + 1
    mark, name, title, last = found[1], found[2], (found[3] or "").strip(), number + 1
    if name is None:
        page.close(mark, number + 1)
    else:
        page.open.append((mark, number))
        while last < len(page.lines) and _is_option(page.lines[last], match["prefix"]):
            last += 1
        title = "" if name == "html" else title or ("" if name in UNTITLED_BLOCKS else name.capitalize())
    page.lines[number:last] = [""] * (last - number)
    page.set_aside(Aside(number, last, title), match["prefix"])
    return last


def _generated(page: PageLines, number: int, match: re.Match[str]) -> int:
    """`::: pkg.module` and its options, whose text mkdocstrings (mkdocs-click, mkdocs-typer) makes of code."""
    if page.is_code(number, match["prefix"]):
        return number + 1
    written, last = page.lines[number].strip(), number + 1
    for at in range(number + 1, len(page.lines)):
        if _is_option(page.lines[at], match["prefix"]):
            last = at + 1
        elif page.lines[at].strip():
            break
    page.problem(number, f"{GENERATED}: {written!r}")
    page.lines[number:last] = [""] * (last - number)
    page.set_aside(Aside(number, last), match["prefix"])
    return last


def _nothing(page: PageLines, number: int, match: re.Match[str]) -> int:
    """A line that shows nothing: a table of contents, an abbreviation, MyST's `(target)=`, `% comment` and `+++`."""
    if page.is_code(number, match["prefix"]):
        return number + 1
    page.lines[number] = ""
    page.set_aside(Aside(number, number + 1), match["prefix"])
    return number + 1


def _field(page: PageLines, number: int, match: re.Match[str]) -> int:
    """An entry of a field list, `:name: what it is` (`fieldlist`)."""
    if not page.is_code(number, match["prefix"]):
        name = match["field"].strip().strip(":")
        page.lines[number] = f"{match['prefix']}{name}: {page.lines[number][match.end() :]}"
    return number + 1


HANDLERS: dict[str, Callable[[PageLines, int, re.Match[str]], int]] = {
    "block": _block,
    "directive": take_directive,
    "field": _field,
    "generated": _generated,
    "nothing": _nothing,
    "toc": _nothing,
}

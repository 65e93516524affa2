"""MyST's directives, ```` ```{note} Title ```` and `:::{note}`: their marks and options go, their text stays."""

from __future__ import annotations

import re

from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside, Include

MARK = r"(?P<directive>(?:`{3,}|~{3,}|:{3,})\{[\w:+.-]+\})"
OPENING = re.compile(r"(`{3,}|~{3,}|:{3,})\{([\w:+.-]+)\}[ \t]*(.*)")
OPTION = re.compile(r"[ \t>]*:[\w-]+:(?:[ \t]|$)")
CODE = frozenset({"code", "code-block", "code-cell", "sourcecode", "prompt"})
NOTHING = frozenset({"toctree", "contents", "index", "image", "bibliography", "tableofcontents", "raw", "meta", "highlight"})
"""Directives that show no text of the page."""
TITLED = frozenset(
    (
        *("attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning", "seealso"),
        *("deprecated", "versionadded", "versionchanged"),
    )
)
"""Directives that show their own name where they have no title."""
UNTITLED = frozenset(
    (
        *("admonition", "topic", "sidebar", "margin", "dropdown", "tab-set", "tab-item", "card", "grid", "grid-item"),
        *("grid-item-card", "figure", "epigraph", "list-table", "table", "glossary", "container", "rubric", "todo"),
        *("exercise", "solution", "theorem", "proof", "definition", "details", "div"),
    )
)
GENERATED = "directive left out: its text comes from code"


def take_directive(page: PageLines, number: int, match: re.Match[str]) -> int:
    """Take out a directive's marks, or all of it where its text is not in the page."""
    found = OPENING.match(page.lines[number].rstrip(), match.start("directive"))
    if found is None or page.is_code(number, match["prefix"]):
        return number + 1
    mark, name, title = found.groups()
    end, body = _end(page, number, mark), number + 1
    while body < end and OPTION.match(page.lines[body]):
        body += 1
    prefix = match["prefix"]
    if name in CODE or name == "math":
        fence = "~" * max(len(mark), 3) if name == "math" else "`" * max(len(mark), 3)
        page.lines[number:body] = [f"{prefix}{fence}{'math' if name == 'math' else title}", *[""] * (body - number - 1)]
        if end < len(page.lines):
            page.lines[end] = prefix + fence
        return end + 1
    if name in TITLED or name in UNTITLED:
        page.lines[number:body] = [""] * (body - number)
        if end < len(page.lines):
            page.lines[end] = ""
        page.result.regions.append((number, end + 1))
        page.set_aside(Aside(number, body, title or (name.capitalize() if name in TITLED else "")), prefix)
        return body
    include = None
    if name in {"include", "literalinclude"}:
        language = title.rpartition(".")[2] if name == "literalinclude" else None
        include = Include(page.lines[number].strip(), title.strip(), language=language)
    elif name not in NOTHING:
        page.problem(number, f"{GENERATED}: {page.lines[number].strip()!r}")
    last = min(end + 1, len(page.lines))
    page.lines[number:last] = [""] * (last - number)
    page.set_aside(Aside(number, last, partial=include), prefix)
    return last


def _end(page: PageLines, number: int, mark: str) -> int:
    """The line of the mark that closes the directive; the end of the page where none does."""
    for at in range(number + 1, len(page.lines)):
        line = page.lines[at].strip(" \t>")
        if len(line) >= len(mark) and not line.strip(mark[0]):
            return at
    return len(page.lines)

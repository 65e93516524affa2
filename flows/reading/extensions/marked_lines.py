"""The lines of a page that begin with a mark Markdown does not know, and what becomes of them (see `prepare.py`)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cache

from flows.reading.extensions import jsx
from flows.reading.extensions.elements import take_import, take_tags
from flows.reading.extensions.html_elements import end_element
from flows.reading.extensions.includes import FENCED_INCLUDES, INCLUDES, take_include, take_included_code
from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside, Include
from flows.reading.extensions.site_lines import HANDLERS, MARKS, default_title
from flows.reading.lines import CONTAINERS

MARK = rf"""(?P<prefix>{CONTAINERS})
    (?: SITE
        (?P<fence>`{{3,}}(?=[^`]*$)|~{{3,}})
      | (?P<include>{INCLUDES})
      | (?P<toc>\[\[?_?[Tt][Oo][Cc]_?\]\]?[ \t]*$)
      | (?P<container>:{{3,}})
      | (?P<esm>(?:import|export)\b)
      | (?P<comment><!--|\{{[ \t]*(?:/\*|$))
      | (?P<tag><[/A-Za-z>])
      | (?P<expression>\{{[A-Za-z_$][\w$]*\}}[ \t]*$)
      | (?P<math>\$\$[ \t]*$)
    )"""
ESM = re.compile(
    r"""import\s*(?:["'][^"'\n]+["']|[\w${}*,\s]{1,2000}?\sfrom\s*["'])
    | export\s+(?:default\b|const\b|let\b|var\b|function\b|async\b|class\b|\*|\{)""",
    re.VERBOSE,
)
IMPORT = re.compile(
    r"""import\s+(?P<name>[A-Za-z_$][\w$]*)(?:\s*,\s*\{[^{}]*\})?\s+from\s*
    (?:"(?P<double>(?:\\.|[^"\\\n])+)"|'(?P<single>(?:\\.|[^'\\\n])+)')""",
    re.VERBOSE,
)
RAW_LOADER = re.compile(r"(?:!!raw-loader!|!!?(?:[\w-]+!)*raw-loader!|raw-loader!)(.+)|(.+)\?raw")
PARTIAL = re.compile(r"(.+\.mdx?)(?:\?.*)?")
CONTAINER = re.compile(r":{3,}[ \t]*(?:([A-Za-z][\w-]*)(?![\w.])[ \t]*(?:\[(.*)\])?(.*))?$")
MATH_FENCE = "~~~~~~~~~"
"""Longer than any fence an author writes."""


@cache
def _marks(kind: str) -> re.Pattern[str]:
    """What begins a marked line of a page of this kind of site."""
    return re.compile(MARK.replace("SITE", "".join(f"{mark} | " for mark in MARKS.get(kind, ()))), re.VERBOSE)


def take_out(page: PageLines) -> None:
    """Take out what the lines mark, in one pass over those that begin with a mark."""
    number, marks = 0, _marks(page.kind)
    for marked in page.result.marked:
        if marked < number:
            continue
        if page.fence:
            _in_fence(page, marked)
        elif match := marks.match(page.lines[marked]):
            number = TAKERS[match.lastgroup or ""](page, marked, match)


def _fence(page: PageLines, number: int, match: re.Match[str]) -> int:
    page.fence = match["fence"]
    return number + 1


def _in_fence(page: PageLines, number: int) -> None:
    line = page.lines[number].strip(" \t>")
    if line.startswith(page.fence) and not line.strip(page.fence[0]):
        page.fence = ""
    elif match := FENCED_INCLUDES.match(page.lines[number]):
        take_included_code(page, number, match)


def _math(page: PageLines, number: int, match: re.Match[str]) -> int:
    for last in range(number + 1, len(page.lines)):
        line = page.lines[last].rstrip()
        if line.endswith("$$"):
            if line[:-2].strip("> \t"):
                break
            page.lines[number] = f"{match['prefix']}{MATH_FENCE}math"
            page.lines[last] = line[:-2] + MATH_FENCE
            return last + 1
    return number + 1


def _esm(page: PageLines, number: int, match: re.Match[str]) -> int:
    """MDX statements do not interrupt a paragraph."""
    start = page.starts[number]
    if match["prefix"] or not page.result.mdx or not page.begins_block(number) or not ESM.match(page.text, start):
        return number + 1
    end = jsx.statement_end(page.text, start)
    for found in IMPORT.finditer(page.text, start, end):
        target = jsx.string_value(found["double"] or found["single"])
        if raw := RAW_LOADER.fullmatch(target):
            name = raw[1] or raw[2]
            page.imports[found["name"]] = Include(target, name, language=name.rpartition(".")[2], what="imported")
        elif partial := PARTIAL.fullmatch(target):
            page.imports[found["name"]] = Include(target, partial[1], what="imported")
    return page.drop(number, end)


def _comment(page: PageLines, number: int, match: re.Match[str]) -> int:
    prefix = match["prefix"]
    end = page.comments.end(page.starts[number] + match.start("comment"))
    if end < 0 or page.rest(end) or page.is_code(number, prefix):
        return number + 1
    if prefix.strip():
        return _quoted_comment(page, number, end) if page.result.mdx and prefix.strip("> \t") == "" else number + 1
    last = page.drop(number, end)
    page.set_aside(Aside(number, last), prefix)
    return last


def _quoted_comment(page: PageLines, number: int, end: int) -> int:
    """A comment in a quote leaves only the quote's marks: its lines may be blank, and would end what is inline."""
    last = bisect_right(page.starts, end)
    page.lines[number:last] = [line[: len(line) - len(line.lstrip("> \t"))] for line in page.lines[number:last]]
    return last


def _container(page: PageLines, number: int, match: re.Match[str]) -> int:
    """Containers (remark-directive, markdown-it-container): `:::note[Title]`, `:::note Title`, `:::`; more colons nest."""
    found = CONTAINER.match(page.lines[number].rstrip(), match.start("container"))
    if found is None or page.is_code(number, match["prefix"]):
        return number + 1
    name = found[1]
    if name:
        page.open.append((":::", number))
    else:
        page.close(":::", number + 1)
    title = f"{found[2] or ''}{found[3]}".split("{")[0].strip() if name else ""
    page.lines[number] = ""
    page.set_aside(Aside(number, number + 1, title or default_title(name or "")), match["prefix"])
    return number + 1


def _tag(page: PageLines, number: int, match: re.Match[str]) -> int:
    return take_tags(page, number, match) if page.result.mdx else end_element(page, number, match)


TAKERS: dict[str, Callable[[PageLines, int, re.Match[str]], int]] = {
    "fence": _fence,
    "include": take_include,
    "container": _container,
    "esm": _esm,
    "comment": _comment,
    "tag": _tag,
    "expression": take_import,
    "math": _math,
    **HANDLERS,
}
"""What takes out a line, by the name of its mark; each returns the line to go on with."""

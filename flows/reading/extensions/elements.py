"""JSX elements: their tags go, what they hold stays."""

from __future__ import annotations

import re
from bisect import bisect_right

from flows.reading.extensions import jsx
from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside

TAG_NAME = re.compile(r"<(/?)([\w$.:-]*)")
LABEL = re.compile(r"""\s(?:label|title|alt)=(?:"([^"]*)"|'([^']*)'|\{\s*["'`]([^"'`]*)["'`]\s*\})""")
NAME = re.compile(r"""\sname=(?:"([^"]*)"|'([^']*)')""")
TAB_LABEL = re.compile(r"""\blabel\s*:\s*(?:"([^"\n]*)"|'([^'\n]*)')""")
ITEMS = re.compile(r"\sitems=\{\[((?:(?!\sitems=)[^\]])*)\]\}")
QUOTED = re.compile(r""""([^"\n]*)"|'([^'\n]*)'""")
IMPORTED = re.compile(r"[ \t]*\{[ \t]*([A-Za-z_$][\w$]*)[ \t]*\}")
RAW_ELEMENTS = frozenset({"script", "style"})
MAX_FAILED_SCANS = 100
"""Tags left unclosed in one file before the rest is taken as text: keeps hostile input linear."""


def take_tags(page: PageLines, number: int, match: re.Match[str]) -> int:
    """Take out the tags that start a line, up to the first other character."""
    if page.failed > MAX_FAILED_SCANS or not page.result.mdx:
        return number + 1
    first = end = start = page.starts[number] + match.start("tag")
    while page.text.startswith("<", start):
        behind = jsx.tag_end(page.text, start)
        if behind < 0:
            page.failed += 1
            break
        end = start = _imported_text(page, _element(page, start, behind))
        while page.text.startswith((" ", "\t"), start):
            start += 1
    if end == first or (match["prefix"].strip() and "\n" in page.text[first:end]):  # over lines of a quote: inline markup
        page.waiting.clear()
        return number + 1
    last = page.drop(number, end, match["prefix"])
    for aside in page.waiting:
        page.set_aside(aside, match["prefix"])
    page.waiting.clear()
    return last


def take_import(page: PageLines, number: int, match: re.Match[str]) -> int:
    """`{Example}` alone on a line, where that is the name of an imported file's text."""
    start = page.starts[number] + match.start("expression")
    end = _imported_text(page, start)
    if end == start or page.rest(end):
        page.waiting.clear()
        return number + 1
    last = page.drop(number, end, match["prefix"])
    page.set_aside(page.waiting.pop(), match["prefix"])
    return last


def _imported_text(page: PageLines, start: int) -> int:
    """Note the text that `{Example}` at `start` puts there (`import Example from '!!raw-loader!./x.js'`); the offset behind."""
    found = IMPORTED.match(page.text, start) if page.imports else None
    include = page.imports.get(found[1]) if found else None
    if found is None or include is None or include.language is None:
        return start
    number = bisect_right(page.starts, start) - 1
    page.waiting.append(Aside(number, number + 1, partial=include))
    return found.end()


def _element(page: PageLines, start: int, end: int) -> int:
    """Note what the tag opens, closes or imports; the offset behind what is taken out with it."""
    found = TAG_NAME.match(page.text, start)
    closes, name = (found[1], found[2]) if found else ("", "")
    number = bisect_right(page.starts, start) - 1
    if closes:
        page.close(name, number + 1)
    elif not page.text.startswith("/>", end - 2):
        page.open.append((name, number))
        if name in RAW_ELEMENTS:
            closing = page.text.find(f"</{name}>", end)
            return closing if closing >= 0 else end
    text = "" if closes else _shown_attributes(page.text, name, start, end)
    if name in page.imports or text:
        page.waiting.append(Aside(number, bisect_right(page.starts, end - 1), text, page.imports.get(name)))
    return end


def _shown_attributes(text: str, name: str, start: int, end: int) -> str:
    """What a tag's attributes show; `<Tabs items={['A', 'B']}>`, `<Tabs values={[{label: 'A'}]}>`."""
    said = LABEL.search(text, start, end)
    if said:
        return next(filter(None, said.groups()), "")
    if name.startswith("FileTree.") and (named := NAME.search(text, start, end)):
        return named[1] or named[2]
    if not name.startswith("Tabs"):
        return ""
    items = ITEMS.search(text, start, end)
    labels = QUOTED.findall(items[1]) if items else TAB_LABEL.findall(text, start, end)
    return ", ".join(one or other for one, other in labels)

"""HTML elements where Markdown goes on right below their closing tag (Python-Markdown, kramdown).

CommonMark takes everything up to the next blank line for HTML. Here the element's own last line ends it: what would go on is
set apart, by a blank line where the closing tag stands alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache

from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside

KINDS = frozenset({"mkdocs", "jekyll"})
BLOCK_NAMES = (
    "address|article|aside|blockquote|body|canvas|center|colgroup|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form"
    "|group|h[1-6]|header|hgroup|html|iframe|legend|li|main|map|math|menu|nav|noscript|object|ol|option|output|p|pre|progress"
    "|script|search|section|style|summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul|video"
)
"""`markdown/core.py`, `block_level_elements`, without the empty ones (`hr`)."""
OPENING = re.compile(rf"<({BLOCK_NAMES})(?=[\s>/])([^<>]*)>", re.IGNORECASE)
MARKDOWN_ATTRIBUTE = re.compile(r"""(?:^|\s)markdown(?:\s|$|=["']?(?:1|block|span)\b)""")
"""`md_in_html` and kramdown: Markdown inside the element too."""
AS_WRITTEN = frozenset({"pre", "script", "style", "textarea", "math"})
TAGS = re.compile(r"<[^<>]*>")
MAX_FAILED_SCANS = 20
"""Elements left open in one page before the rest is taken as CommonMark takes it: keeps hostile input linear."""


def end_element(page: PageLines, number: int, match: re.Match[str]) -> int:
    """See to it that the element which begins at a line ends where its closing tag does."""
    start = page.starts[number] + match.start("tag")
    opening = OPENING.match(page.text, start) if page.kind in KINDS and not match["prefix"].strip() else None
    if opening is None or page.failed > MAX_FAILED_SCANS:
        return number + 1
    name = opening[1].lower()
    end = _closing(page.text, name, opening.end())
    if end < 0:
        page.failed += 1
        return number + 1
    last = bisect_right(page.starts, end - 1) - 1
    if page.rest(end):
        return number + 1
    if MARKDOWN_ATTRIBUTE.search(opening[2]) and last > number:
        return _open_up(page, number, last, name)
    below = page.lines[last + 1].strip() if last + 1 < len(page.lines) else ""
    if not below or below.startswith("<") or name in AS_WRITTEN:
        return last + 1
    if last == number:
        text = TAGS.sub(" ", page.lines[number]).strip()
        page.lines[number] = ""
        page.set_aside(Aside(number, number + 1, text), match["prefix"])
    elif TAGS.sub("", page.lines[last]).strip():
        for line in range(number, last + 1):
            page.lines[line] = TAGS.sub(" ", page.lines[line]).strip()
    else:
        page.lines[last] = ""
    return last + 1


def _open_up(page: PageLines, number: int, last: int, name: str) -> int:
    """An element that holds Markdown: its tags go, where they stand alone on their lines; what is inside is looked at next."""
    for line in (number, last):
        if not TAGS.sub("", page.lines[line]).strip():
            page.lines[line] = ""
    page.result.regions.append((number, last + 1))
    return number + 1 if name not in AS_WRITTEN else last + 1


@cache
def _tags_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?){name}(?=[\s>/])[^<>]*>", re.IGNORECASE)


def _closing(text: str, name: str, start: int) -> int:
    """The offset behind the tag that closes the element whose opening tag ends at `start`; -1 where none does."""
    depth = 1
    for tag in _tags_of(name).finditer(text, start):
        depth += -1 if tag[1] else 0 if tag[0].endswith("/>") else 1
        if not depth:
            return tag.end()
    return -1

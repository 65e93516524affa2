"""A passage's cleaned rendering as the pieces one can quote: sentences, list items, table rows, code. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

PieceKind = Literal["sentence", "item", "row", "code", "heading"]

_FENCE = re.compile(r" {0,12}(`{3,}|~{3,})")
ITEM_MARKER = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_RULE_ROW = re.compile(r"\|?[\s:|-]+\|?\Z")
_BREAK = re.compile(
    r"""(?<![.!?…])(?P<latin>[.!?…]+["'”’)\]*_]*)\s+(?=["'“‘(\[*_]*[^\W_a-z])   # Latin, Greek, Cyrillic
      | [。！？]["」』）”]*\s*                                          # Chinese, Japanese
      | (?<![।؟۔።])[।؟۔።]+\s+                                                     # Devanagari, Arabic, Urdu, Ethiopic
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|fig|figs|eq|eqs|no|vol|dr|mr|mrs|ms|prof|st|approx|[A-Z])\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Quotable:
    """The smallest piece that can be quoted by itself."""

    kind: PieceKind
    text: str
    """As rendered: an item with its marker, a row with its bars, code with its fences; white space within prose collapsed."""
    block: int
    """Pieces of one paragraph, list or table share a number."""
    heading: str
    """The nearest heading above it inside the passage; '' when the passage does not name it."""

    @property
    def introduces(self) -> bool:
        """Whether it announces what follows it."""
        return self.kind in {"sentence", "item"} and self.text.endswith((":", "："))


def read_quotables(text: str, headings: Collection[str]) -> list[Quotable]:
    """Every piece of a rendering, in order. `headings`: lines that are headings of sections inside the passage."""
    found: list[Quotable] = []
    heading, block, last = "", 0, ""
    for lines in _blocks(text):
        first = lines[0]
        if len(lines) == 1 and first.strip() in headings:
            heading = first.strip()
            kind, pieces = "heading", [heading]
        else:
            kind, pieces = _pieces(lines)
        if not (kind == last and kind in {"item", "row"}):
            block += 1
        last = kind
        found += [Quotable(kind, piece, block, heading) for piece in pieces]
    return found


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines between blank ones; a fence is one run, blank lines and all."""
    run: list[str] = []
    fence = ""
    for line in text.splitlines():
        opening = _FENCE.match(line)
        if fence:
            run.append(line)
            if opening and opening[1].startswith(fence) and not line.strip(" \t`~"):
                yield run
                run, fence = [], ""
        elif opening:
            if run:
                yield run
            run, fence = [line], opening[1]
        elif line.strip():
            run.append(line)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _pieces(lines: list[str]) -> tuple[PieceKind, list[str]]:
    if _FENCE.match(lines[0]):
        return "code", ["\n".join(lines)]
    if ITEM_MARKER.match(lines[0]):
        return "item", list(_items(lines))
    if all(line.lstrip().startswith("|") for line in lines):
        return "row", [line.strip() for line in lines if not _RULE_ROW.match(line.strip())]
    return "sentence", list(sentences(" ".join(" ".join(lines).split())))


def _items(lines: list[str]) -> Iterator[str]:
    item = ""
    for line in lines:
        if item and ITEM_MARKER.match(line):
            yield item
            item = ""
        item = f"{item} {line.strip()}" if item else line.rstrip()
    yield item


def sentences(paragraph: str) -> Iterator[str]:
    """The sentences of one paragraph, whose lines are joined."""
    start = 0
    for match in _BREAK.finditer(paragraph):
        if match["latin"] == "." and _ABBREVIATION.search(paragraph[max(start, match.start() - 8) : match.start()]):
            continue
        yield paragraph[start : match.end()].strip()
        start = match.end()
    if rest := paragraph[start:].strip():
        yield rest

"""What a passage says as the pieces one can quote: sentences, list items, table rows, code. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.models import CODE_KINDS, Chunk, ChunkBlock, Section
from shared.sentences import sentences

PieceKind = Literal["sentence", "item", "row", "code", "heading"]

ITEM_MARKER = re.compile(r"[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_RULE_ROW = re.compile(r"\|?[\s:|-]+\|?\Z")
_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Quotable:
    """The smallest piece that can be quoted by itself."""

    kind: PieceKind
    text: str
    """As rendered: an item with its marker, a row with its bars, code with its fences; with the margin that an item or code has
    inside a list; white space within prose collapsed."""
    block: int
    """Pieces of one paragraph, list or table share a number."""
    section: Section
    """Where it stands."""

    @property
    def introduces(self) -> bool:
        """Whether it announces what follows it."""
        return self.kind in {"sentence", "item"} and self.text.endswith((":", "："))

    @property
    def heading(self) -> str:
        """Of its section; '' before the first."""
        return self.section.heading_path[-1] if self.section.heading_path else ""


def read_quotables(chunk: Chunk) -> list[Quotable]:
    """Every piece of a chunk, in order."""
    found: list[Quotable] = []
    number, last = 0, ""
    for section in chunk.sections:
        for kind, texts in _runs(chunk, [block for block in section.blocks if not block.is_empty]):
            if not (kind == last and kind in {"item", "row"}):
                number += 1
            last = kind
            found += [Quotable(kind, text, number, section) for text in texts]
    return found


def _runs(chunk: Chunk, blocks: Sequence[ChunkBlock]) -> Iterator[tuple[PieceKind, list[str]]]:
    """The kind and the pieces of each block, one that stands inside another between its pieces."""
    first = 0
    while first < len(blocks):
        block, after = blocks[first], first + 1
        while after < len(blocks) and blocks[after].content_end <= block.content_end:
            after += 1
        yield from _with_inner(chunk, block, blocks[first + 1 : after])
        first = after


def _with_inner(chunk: Chunk, block: ChunkBlock, inner: Sequence[ChunkBlock]) -> Iterator[tuple[PieceKind, list[str]]]:
    if block.kind == "table" or block.kind in CODE_KINDS or not inner:
        yield _pieces(block, _own_lines(chunk.content, block.content_start, block.content_end))
        return
    at, own = block.content_start, block
    for child in [one for one in inner if not any(_is_within(one, other) for other in inner)]:
        if (before := _own_lines(chunk.content, at, child.content_start)).strip():
            yield _pieces(own, before)
        yield from _with_inner(chunk, child, [one for one in inner if _is_within(one, child)])
        at, own = child.content_end, block._replace(kind="paragraph")
    if (rest := _own_lines(chunk.content, at, block.content_end)).strip():
        yield _pieces(own, rest)


def _is_within(one: ChunkBlock, other: ChunkBlock) -> bool:
    return one is not other and other.content_start <= one.content_start and one.content_end <= other.content_end


def _own_lines(text: str, start: int, end: int) -> str:
    """A range with the margin of its first line, which in a list stands before it."""
    margin = start - (text.rfind("\n", 0, start) + 1)
    return " " * margin + text[start:end] if text[start - margin : start].isspace() else text[start:end]


def _pieces(block: ChunkBlock, text: str) -> tuple[PieceKind, list[str]]:
    match block.kind:
        case "heading":
            return "heading", [text.strip()]
        case "fence":
            return "code", [text]
        case "code":
            return "code", [f"```\n{text}\n```"]
        case "table":
            return "row", [line.strip() for line in text.splitlines() if not _RULE_ROW.match(line.strip())]
        case "list_item":
            margin = text[: len(text) - len(text.lstrip())]
            return "item", [margin + " ".join(text.split())]
        case _:
            runs = (" ".join(run.split()) for run in _BLANK_LINES.split(text))
            return "sentence", [sentence for run in runs for sentence in sentences(run)]

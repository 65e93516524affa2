"""What a chunk says as the blocks one can quote: each ranges of its content, so what is quoted is what stands there. Pure.

A block is whole as its author wrote it: a paragraph, a list with all that stands in its items, a table, a code block; also
where the index had to part it. A line that ends with a colon belongs to the list, table or code below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.models import CODE_KINDS, BlockKind, Chunk, ChunkBlock, Section

Range = tuple[int, int]
"""Characters in a chunk's `content`, end exclusive."""
LISTED = frozenset[BlockKind](("list_item", "definition"))
SHORT_WORDS = 6
_INTRODUCED = LISTED | CODE_KINDS | {"table", "math"}
_COLONS = (":", "：")
_FENCE = re.compile(r"[ \t>]*(?:`{3,}|~{3,})")
_BOLD = r"\s*(?P<mark>\*\*|__)[^*_\n]+(?P=mark)"
_NAME = re.compile(rf"{_BOLD}\s*")
"""A line in bold type: a heading in all but name."""
_LABEL = re.compile(rf"{_BOLD}\s*[:：]|\s*(?P<other>\*\*|__)[^*_\n]+[:：](?P=other)")
_TARGET = r"(?:\([^()]*+(?:\([^()]*+\)[^()]*+)*+\)|\[[^\]]*+\])"
_PICTURES = re.compile(
    rf"(?:\s*+(?:\[\s*+)?(?:!\[[^\]]*+\]{_TARGET}?|<(?:img|Image)\b[^>]*+>)(?:\s*+\]{_TARGET})?)++\s*+", re.IGNORECASE
)
"""Pictures, each also as a link."""
_RULE_ROW = re.compile(r"[ \t]*\|?[\s:|-]+\|?[ \t]*")


@dataclass(frozen=True, slots=True)
class Quotable:
    """The smallest part of a section that is quoted: one block, or a list, with the line that introduces it."""

    chunk: Chunk
    section: Section
    kind: BlockKind
    intro: Range | None
    """The line that introduces it."""
    parts: tuple[Range, ...]
    """What it may be cut between: the items of a list, the rows of a table (its header first), the lines of code (between its
    fences); otherwise the block alone."""
    code: tuple[Range, ...]
    """Fenced code inside of items: left as it is where prose would be made safe."""
    is_picture: bool
    """Whether it is nothing but pictures: what it says are their alternative texts."""
    is_labelled: bool
    """Whether it begins with a name in bold type: "**Solution:** Plug it in"."""

    @property
    def fixed(self) -> tuple[int, int]:
        """How many parts are never left out at the beginning and at the end: a header, fences."""
        return int(self.kind in {"table", "fence"}), int(self.kind == "fence")

    def text(self, part: Range) -> str:
        """What stands there."""
        return self.chunk.content[slice(*part)]

    @property
    def whole(self) -> str:
        """All it says."""
        return "\n".join(map(self.text, (*([self.intro] if self.intro else []), *self.parts)))


def read_quotables(chunk: Chunk, section: Section) -> list[Quotable]:
    """What can be quoted of one of the chunk's sections, in order; headings are not: their section's label says them."""
    said = [block for block in section.blocks if not block.is_empty and block.kind != "heading"]
    fences = [block for block in said if block.kind == "fence"]
    found: list[Quotable] = []
    for run in _runs(chunk, _outermost(said)):
        kind, end = run[-1].kind, run[-1].content_end
        is_introduced = len(run) > 1 and run[0].kind != run[1].kind and run[0].kind not in LISTED
        intro = (run[0].content_start, run[0].content_end) if is_introduced else None
        parts = tuple(_parts(chunk, run[is_introduced:]))
        inside = (one for one in fences if kind in LISTED and run[0].content_start <= one.content_start < end)
        code = tuple((one.content_start, one.content_end) for one in inside)
        source = _source(chunk, run[0])
        is_picture = len(run) == 1 and bool(_PICTURES.fullmatch(source))
        found.append(Quotable(chunk, section, kind, intro, parts, code, is_picture, bool(_LABEL.match(source))))
    return found


def _source(chunk: Chunk, block: ChunkBlock) -> str:
    return chunk.text[block.start - chunk.start : block.end - chunk.start]


def _outermost(blocks: Sequence[ChunkBlock]) -> list[ChunkBlock]:
    found: list[ChunkBlock] = []
    for block in blocks:
        if not found or block.content_end > found[-1].content_end:
            found.append(block)
    return found


def _runs(chunk: Chunk, blocks: Sequence[ChunkBlock]) -> Iterator[list[ChunkBlock]]:
    """Blocks that are quoted together."""
    run = list(blocks[:1])
    for before, block in pairwise(blocks):
        if _is_one(chunk, before, block):
            run.append(block)
        else:
            yield run
            run = [block]
    if run:
        yield run


def _is_one(chunk: Chunk, before: ChunkBlock, block: ChunkBlock) -> bool:
    """Whether a block goes on with the list, code or table before it, or is introduced by the line before it."""
    first, second = (chunk.content[one.content_start : one.content_end] for one in (before, block))
    if before.kind in LISTED and block.kind in LISTED:
        return True
    if before.kind == block.kind == "table":
        return first.partition("\n")[0] == second.partition("\n")[0]
    if before.kind == block.kind and block.kind in CODE_KINDS:
        return not _FENCE.match(_source(chunk, block))
    if before.kind == "text" and len(first.split()) < SHORT_WORDS:
        return True  # the title of an admonition or a tab
    is_label = first.rstrip().endswith(_COLONS) or _NAME.fullmatch(_source(chunk, before))
    return before.kind not in _INTRODUCED and bool(is_label) and block.kind in _INTRODUCED


def _parts(chunk: Chunk, run: Sequence[ChunkBlock]) -> Iterator[Range]:
    for number, block in enumerate(run):
        if block.kind != "table" and block.kind not in CODE_KINDS:
            yield block.content_start, block.content_end
            continue
        lines = list(_lines(chunk.content, block.content_start, block.content_end))
        if block.kind == "table":  # each part of one repeats its header
            lines = [line for line in lines if not _RULE_ROW.fullmatch(chunk.content[slice(*line)])][number > 0 :]
        if block.kind == "fence":
            lines = lines[number > 0 : len(lines) - (number + 1 < len(run))]
            if number and "\n\n" in chunk.text[run[number - 1].end - chunk.start : block.start - chunk.start]:
                yield block.content_start, block.content_start  # a blank line, where a listing was parted
        yield from lines


def _lines(content: str, start: int, end: int) -> Iterator[Range]:
    while start < end:
        stop = content.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop + 1

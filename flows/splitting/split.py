"""A page as chunks: contiguous ranges of the file, cut where its author cut it.

1. Every section (a heading and what follows it up to the next) that fits the limit is one piece.
2. A section that does not fit is cut between its blocks, in sizes up to `fill_tokens` (see `grouping`); a block that alone
   does not fit is cut by itself (see `cuts`).
3. Pieces below `min_tokens` join a neighbour below the same heading, deeper headings first.

A chunk's `content` is the page's title and the headings above it, in the first chunk the page's tags on a line below them, a
blank line, and the cleaned rendering of its range. An imported partial has no place in the file but its tag: its text is part
of the content of the chunk that holds the tag. Where it is longer than a chunk it becomes several, all with the tag as their
range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

from flows.reading.document import Block, Document, code_ranges, is_inside
from flows.reading.long_targets import long_targets
from flows.splitting.chunks import ChunkBuilder
from flows.splitting.grouping import Allowed, group, within
from flows.splitting.measure import MeasuredText, Unit
from flows.splitting.pieces import units_of
from shared.models import Chunk
from shared.tokens import CountTokens

EXACT = attrgetter("exact")
TOKENS = attrgetter("tokens")


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """Sizes of chunks, in tokens."""

    max_tokens: int = 256
    """Most tokens in a chunk's text. Its content may be longer by title, headings and a repeated table header."""
    min_tokens: int = 64
    """Pieces below this join a neighbour under the same heading; 0 keeps every section by itself."""
    fill_tokens: int = 200
    """What blocks of a section over `max_tokens` are gathered up to: the room left lets a chunk grow before it is cut anew."""

    @classmethod
    def up_to(cls, max_tokens: int) -> ChunkLimits:
        """Limits in the proportions of the default ones."""
        return cls(max_tokens, max_tokens // 4, max_tokens * 25 // 32)


class SectionPiece(NamedTuple):
    """Units that stay together: a section, or a part of one."""

    units: Sequence[Unit]
    tokens: int
    level: int
    """Of the heading the piece stands under (1 to 6); 0 before the first."""
    begins: bool
    """Whether it begins its section."""
    gap: int = 0
    """Tokens between it and the piece before: of what is not part of any block, such as an import."""
    exact: bool = True
    """Whether its tokens add up with those of its neighbours."""


def split(document: Document, *, limits: ChunkLimits, count: CountTokens, collection: str) -> list[Chunk]:
    """The chunks of a page, in order; none for a page without text.

    `count` gives the tokens of a text, and adds up over lines: count("a\\n") + count("b") == count("a\\nb").
    """
    if not any(block.text for block in document.blocks):
        return []
    source = MeasuredText(document.text, limits.max_tokens, count, document.syntax, _unseen(document))
    pieces = list(_pieces(document, source, limits))
    ranks = [(7 - piece.level if piece.begins else 0, piece.units[0].key) for piece in pieces]
    builder = ChunkBuilder(document, source, collection)
    chunks: list[Chunk] = []
    for start, end in group(ranks, _joinable(pieces, limits)):
        together = pieces[start:end]
        tokens = sum(map(TOKENS, together)) if all(map(EXACT, together)) else None
        units = [unit for piece in together for unit in piece.units]
        if any(unit.text for unit in units):  # tags alone say nothing
            chunks.append(builder.chunk(units, tokens))
    return chunks


def _unseen(document: Document) -> list[tuple[int, int]]:
    """The long link targets that are not shown as code."""
    targets = long_targets(document.text)
    code = code_ranges(document.blocks) if targets else []
    starts = [start for start, _ in code]
    return [target for target in targets if not is_inside(target[0], code, starts)]


def _pieces(document: Document, source: MeasuredText, limits: ChunkLimits) -> Iterator[SectionPiece]:
    reached = document.blocks[0].start
    for heading, run in groupby(document.blocks, key=lambda block: block.heading):
        blocks = list(run)
        level = document.headings[heading].level if heading >= 0 else 0
        whole = _whole(blocks, source, heading, level)
        for piece in [whole] if whole else _parts(blocks, source, heading, level, limits):
            start = piece.units[0].start
            gap = source.gap(reached, start)
            yield piece if start == reached else piece._replace(gap=gap, exact=piece.exact and not gap and start > reached)
            reached = max(reached, piece.units[-1].stop)


def _whole(blocks: Sequence[Block], source: MeasuredText, heading: int, level: int) -> SectionPiece | None:
    """The section as one piece; None where it does not fit, or is too long to try."""
    start, end = blocks[0].start, blocks[-1].end
    stop = source.stop(end)
    if not source.short(start, stop) or sum([len(block.text) for block in blocks]) > 2 * (stop - start):
        return None
    tokens = source.tokens(start, stop)
    if not source.fits(tokens, end, stop):
        return None
    units = [Unit(block.start, block.end, stop, block.text, 0, block.kind, heading, block.inner) for block in blocks]
    return SectionPiece(units, tokens, level, True)


def _parts(
    blocks: Sequence[Block], source: MeasuredText, heading: int, level: int, limits: ChunkLimits
) -> Iterator[SectionPiece]:
    """The section in pieces; none where it is a comment over the limit."""
    units = [unit for block in blocks for unit in units_of(source, block, heading)]
    if not units:
        return
    between = [(before.stop, unit.start) for before, unit in pairwise(units) if before.stop != unit.start]
    gaps = [0, *[source.gap(before.stop, unit.start) for before, unit in pairwise(units)]] if between else [0] * len(units)
    exact = not any(gaps) and all(stop < start for stop, start in between)
    sizes = list(map(TOKENS, units))
    total = sum(sizes) + sum(gaps)
    groups = [(0, len(units))]
    if total > limits.max_tokens:
        ranks = [(0, 0), *[(_strength(before, unit), unit.key) for before, unit in pairwise(units)]]
        groups = group(ranks, within(sizes, gaps, limits.fill_tokens))
    for start, end in groups:
        tokens = sum(sizes[start:end]) + sum(gaps[start + 1 : end])
        yield SectionPiece(units[start:end], tokens, level, start == 0, exact=exact and all(map(EXACT, units[start:end])))


def _strength(before: Unit, unit: Unit) -> int:
    """How good a place to cut the boundary between two units of a section is."""
    if before.kind == "heading" or (before.kind == "text" and before.text):  # a heading, an admonition's title
        return 0
    if before.kind == "paragraph" and unit.kind != "paragraph" and before.text.endswith((":", "：")):
        return 1
    if unit.kind == before.kind == "list_item" or unit.continued or not unit.text:
        return 2
    if before.kind == "text":  # a rule, an admonition's end
        return 5
    return 3 if unit.kind in {"paragraph", "text"} else 4


def _joinable(pieces: Sequence[SectionPiece], limits: ChunkLimits) -> Allowed:
    """Join what is small with what stands under the same heading or one below it, never with what stands above."""
    fits = within([piece.tokens for piece in pieces], [piece.gap for piece in pieces], limits.max_tokens)
    small = within([piece.tokens for piece in pieces], [piece.gap for piece in pieces], limits.min_tokens - 1)

    def allowed(start: int, middle: int, end: int) -> bool:
        if not fits(start, middle, end) or not (small(start, start, middle) or small(middle, middle, end)):
            return False
        return not pieces[middle].begins or pieces[middle].level >= min(piece.level for piece in pieces[start:middle])

    return allowed

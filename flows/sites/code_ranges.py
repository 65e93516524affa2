"""Where a page's code is, in which nothing is markup."""

from __future__ import annotations

from bisect import bisect_right

from flows.reading.document import Block


def code_ranges(blocks: tuple[Block, ...]) -> list[tuple[int, int]]:
    """Offsets of the fences and indented code among `blocks` and in what they hold, in order."""
    ranges: list[tuple[int, int]] = []
    for block in blocks:
        ranges += [(block.start, block.end)] if block.kind in ("fence", "code") else code_ranges(block.parts)
    return ranges


def is_inside(offset: int, ranges: list[tuple[int, int]], starts: list[int]) -> bool:
    """Whether one of `ranges`, which begin at `starts` and are in order and apart, holds `offset`."""
    index = bisect_right(starts, offset) - 1
    return index >= 0 and offset < ranges[index][1]

"""Which neighbours share a chunk: bottom-up, so that an edit moves only the boundaries beside it.

A running fill decides every boundary by all that stands before it: one inserted paragraph shifts each later chunk of the page.
Here every boundary has a rank of its own, from the structure beside it and the first words behind it, and the weakest are
closed first:

1. every unit is a group;
2. boundaries are visited from the weakest rank to the strongest;
3. a boundary is closed, joining the groups on either side, when the joined group is allowed.

What happens at a boundary depends on the groups beside it, which depend on weaker boundaries near by, and on nothing further.
Two neighbours are never both small: they would have been joined. Example, limit 10: units of 4 5 3 6 2 tokens with ranks
. 7 2 5 1 between them: rank 1 joins 6+2, rank 2 joins 5+3, rank 5 would make 16, rank 7 would make 12: groups 4 | 5 3 | 6 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

Allowed = Callable[[int, int, int], bool]
"""(start, middle, end): whether units start..middle-1 and middle..end-1 may be one group."""


def group(ranks: Sequence[tuple[int, int]], allowed: Allowed) -> list[tuple[int, int]]:
    """Units 0..n-1 as consecutive groups (start, end). `ranks[i]` is of the boundary before unit i; `ranks[0]` is not used."""
    size = len(ranks)
    first = list(range(size))
    last = list(range(size))
    for boundary in sorted(range(1, size), key=ranks.__getitem__):  # stable: equal ranks from the left
        start, end = first[boundary - 1], last[boundary]
        if allowed(start, boundary, end + 1):
            last[start], first[end] = end, start
    groups: list[tuple[int, int]] = []
    start = 0
    while start < size:
        groups.append((start, last[start] + 1))
        start = last[start] + 1
    return groups


def within(sizes: Sequence[int], gaps: Sequence[int], limit: int) -> Allowed:
    """Groups of at most `limit`: their units' sizes, and the gaps between them (`gaps[i]` is before unit i)."""
    totals = [0, *accumulate(size + gap for size, gap in zip(sizes, gaps, strict=True))]
    return lambda start, _, end: totals[end] - totals[start] - gaps[start] <= limit

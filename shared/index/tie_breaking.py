"""Ties broken by id, exactly, over a store that breaks them as it likes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

TIE_MARGIN = 8
"""Results asked for beyond the limit, so that a tie at the limit is seen whole without a second request."""

ScoredId = tuple[str, float]
"""Chunk id and score."""


async def break_ties(fetch: Callable[[int], Awaitable[list[ScoredId]]], limit: int) -> list[ScoredId]:
    """The `limit` best, equal scores in the order of their ids; `fetch(n)` gives the store's n best.

    1. Fetch a few more than the limit.
    2. While the last one fetched ties with the last one wanted, there may be more of them: fetch twice as many.
    """
    size = limit + TIE_MARGIN
    while True:
        found = await fetch(size)
        if len(found) < size or found[-1][1] < found[limit - 1][1]:
            return sorted(found, key=lambda scored: (-scored[1], scored[0]))[:limit]
        size *= 2

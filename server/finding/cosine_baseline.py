"""How alike two chunks of the book are that have nothing to do with each other: the zero that cosines are measured from."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from shared.index.port import Index, Snapshot
from shared.models import Chunk

PAGES = 24
"""Looked into, spread over the book."""
PAGE_CHUNKS = 8
"""Of each: the first ones, of which the first and the last are taken."""
PARTNERS = 5
"""Chunks each one is compared with: 240 cosines of 48 chunks, 50 ms at 1,536 dimensions, once per build."""
FEWEST = 8
"""Vectors below which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Cosines between chunks of a build."""

    mean: float
    deviation: float

    def above(self, cosine: float) -> float:
        """Standard deviations above the mean."""
        return (cosine - self.mean) / self.deviation


class CosineBaseline:
    """The spread of the live build, worked out once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: tuple[str, Spread | None] | None = None

    async def spread(self, snapshot: Snapshot) -> Spread | None:
        """None: the build has no vectors, or too few of them. Raises `ServiceError`."""
        if snapshot.build.dimensions is None:
            return None
        if self._known is None or self._known[0] != snapshot.build.id:
            chunks = await _sample(snapshot)
            vectors = await self._index.vectors({chunk.content_hash for chunk in chunks})
            spread = await asyncio.to_thread(_spread, [vectors[key] for key in sorted(vectors)])
            self._known = (snapshot.build.id, spread)
        return self._known[1]


async def _sample(snapshot: Snapshot) -> list[Chunk]:
    paths = await snapshot.documents()
    step = -(-len(paths) // PAGES) or 1
    pages = await asyncio.gather(*(snapshot.page(path, last=PAGE_CHUNKS - 1) for path in paths[::step]))
    if len(pages) < PAGES / 2:  # a book of few long pages
        return [chunk for page in pages for chunk in page]
    return [chunk for page in pages for chunk in (page[0], page[-1])]


def _spread(vectors: Sequence[Sequence[float]]) -> Spread | None:
    """Of each vector with those after it in the order of their hashes, which is no order at all."""
    size = len(vectors)
    if size < FEWEST:
        return None
    lengths = [math.hypot(*vector) or 1.0 for vector in vectors]
    units = [[value / length for value in vector] for vector, length in zip(vectors, lengths, strict=True)]
    cosines = [
        sum(a * b for a, b in zip(units[index], units[(index + ahead) % size], strict=True))
        for index in range(size)
        for ahead in range(1, min(PARTNERS, size // 2) + 1)
    ]
    deviation = pstdev(cosines)
    return Spread(fmean(cosines), deviation) if deviation > 0 else None

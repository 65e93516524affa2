"""Two rankings of the same chunks, made one."""

from __future__ import annotations

from collections.abc import Sequence

from shared.models import Hit


def fuse(lexical: Sequence[Hit], dense: Sequence[Hit], *, dense_weight: float = 0.5) -> list[Hit]:
    """Hits of either ranking, best first, scored 0 to 1: a convex sum of both scores, each scaled by min-max over its ranking.

    A chunk that one ranking does not hold gets 0 from it. With one ranking empty the other decides alone. Ties are broken by id.
    """
    weights = ((lexical, 1.0 if not dense else 1.0 - dense_weight), (dense, 1.0 if not lexical else dense_weight))
    chunks = {hit.chunk.id: hit.chunk for hits, _ in weights for hit in hits}
    scores = dict.fromkeys(chunks, 0.0)
    for hits, weight in weights:
        for chunk_id, score in _min_max(hits).items():
            scores[chunk_id] += weight * score
    ranked = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [Hit(chunk=chunks[chunk_id], score=scores[chunk_id]) for chunk_id in ranked]


def _min_max(hits: Sequence[Hit]) -> dict[str, float]:
    if not hits:
        return {}
    low, high = min(hit.score for hit in hits), max(hit.score for hit in hits)
    span = high - low
    return {hit.chunk.id: (hit.score - low) / span if span > 0 else 1.0 for hit in hits}

"""From a question to the passages an answer may use."""

from __future__ import annotations

from dataclasses import dataclass

from server.chat import ChatRequest, Passage, Passages
from server.fusion import fuse
from shared.bm25 import Bm25
from shared.embeddings import EmbeddingModel
from shared.errors import ServiceError
from shared.index.port import Filter, Index, Snapshot
from shared.models import Hit
from shared.tokens import Tokenizer

CANDIDATES = 100
"""Chunks each ranking contributes."""


@dataclass(frozen=True, slots=True)
class Retriever:
    """Hybrid search over the live build; lexical alone where there is no embedding model or it is out of reach."""

    index: Index
    bm25: Bm25
    embeddings: EmbeddingModel | None
    tokenizer: Tokenizer
    rewrite: object | None = None
    max_tokens: int = 3000

    async def retrieve(self, request: ChatRequest) -> Passages:
        """The passages for one request, numbered from 1, best first. Raises `NotBuiltError`, `ServiceError` (the index)."""
        async with self.index.snapshot() as snapshot:
            hits = await self._hits(snapshot, request.question, limit=request.k, where=None)
            passages: list[Passage] = []
            left = self.max_tokens
            for hit in hits:
                if hit.chunk.tokens > left:
                    continue
                left -= hit.chunk.tokens
                passages.append(
                    Passage(
                        n=len(passages) + 1,
                        chunk=hit.chunk,
                        score=hit.score,
                        url=hit.chunk.url,
                        heading_path=hit.chunk.heading_path,
                    )
                )
            return Passages(
                passages=tuple(passages), query=request.question, build_id=snapshot.build.id, answerable=bool(passages)
            )

    async def search(self, query: str, *, k: int, where: Filter | None = None) -> list[Hit]:
        """The `k` best places for `query`, best first, scores 0 to 1."""
        async with self.index.snapshot() as snapshot:
            return await self._hits(snapshot, query, limit=k, where=where)

    async def _hits(self, snapshot: Snapshot, query: str, *, limit: int, where: Filter | None) -> list[Hit]:
        lexical = await snapshot.search(self.bm25.query(query), limit=CANDIDATES, where=where)
        dense: list[Hit] = []
        if self.embeddings is not None and snapshot.build.dimensions:
            try:
                dense = await snapshot.search(await self.embeddings.embed_query(query), limit=CANDIDATES, where=where)
            except ServiceError:
                dense = []
        return fuse(lexical, dense)[:limit]

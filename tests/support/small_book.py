"""Books of a few lines in a real embedded index, and a model of meaning one can follow."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from flows.reading.parse import parse
from flows.sites.site import add_addresses
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from server.finding.abstention import ENOUGH
from server.finding.query.follow_up import Rewrite
from server.finding.retriever import Retriever
from shared.embedding.model import EmbeddingModel
from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from shared.models import Chunk, Site
from shared.tokens import Tokenizer
from tests.support.sample_builds import make_build

WORDS = Bm25()
SITE = Site(kind="docusaurus", url="https://robots.example", base="/book/")


def count(text: str) -> int:
    """One token per four characters."""
    return -(-len(text) // 4)


def read(pages: Mapping[str, str], limits: ChunkLimits | None = None, site: Site = SITE) -> list[Chunk]:
    """The chunks of pages, by path."""
    chunks: list[Chunk] = []
    for path, text in pages.items():
        document = add_addresses(parse(SourceFile(path, text)), site)
        chunks += split(document, limits=limits or ChunkLimits(), count=count, collection="robots")
    return chunks


class Concepts:
    """Embeds a text as how often it uses the words of each concept: texts without a common word can mean the same."""

    name = "hand-made"  # as `make_build` says

    def __init__(self, *concepts: Sequence[str], is_away: bool = False) -> None:
        self.concepts = concepts
        self.is_away = is_away
        self.asked: list[str] = []

    @property
    def dimensions(self) -> int:
        """One per concept, and one for everything else."""
        return len(self.concepts) + 1

    async def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        if self.is_away:
            raise ServiceError("embeddings", "The model is away.", transient=True)
        return self._embed(text)

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._embed(text) for text in texts]

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...

    def _embed(self, text: str) -> list[float]:
        words = [word.strip(".,?!#").lower() for word in text.split()]
        counts = [float(sum(word in concept for word in words)) for concept in self.concepts]
        return [*counts, 0.1 + 0.01 * len(words)]


@asynccontextmanager
async def open_book(
    folder: Path,
    pages: Mapping[str, str],
    *,
    model: Concepts | None = None,
    limits: ChunkLimits | None = None,
    site: Site = SITE,
) -> AsyncGenerator[EmbeddedIndex]:
    """The index of a small book."""
    chunks = read(pages, limits, site)
    index = EmbeddedIndex(folder, WORDS)
    try:
        dense = await model.embed_documents([chunk.content for chunk in chunks]) if model else None
        await index.publish(make_build(chunks, dimensions=model.dimensions if model else None), chunks, dense)
        yield index
    finally:
        await index.aclose()


def find_in(
    index: EmbeddedIndex, model: EmbeddingModel | None = None, rewrite: Rewrite | None = None, *, enough: float = ENOUGH
) -> Retriever:
    """A retriever over it."""
    tokenizer = Tokenizer(count=count, exact=True)
    return Retriever(index=index, bm25=WORDS, embeddings=model, tokenizer=tokenizer, enough=enough, rewrite=rewrite)

"""Text to dense vectors: the port, and which model the settings mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.settings import Settings


class EmbeddingModel(Protocol):
    """A model that turns texts into vectors. Every call raises `ServiceError`."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int:
        """Floats in every vector."""
        ...

    async def embed_query(self, text: str) -> list[float]:
        """The vector of a question; gives up soon, for a reader is waiting."""
        ...

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, same order, in one request (within the API's limits); waits out rate limits."""
        ...

    async def ping(self) -> None:
        """Return when the model answers."""
        ...

    async def aclose(self) -> None: ...


def open_embeddings(settings: Settings) -> EmbeddingModel | None:
    """The model of the settings; None: there is no key, or EMBEDDING_MODEL is `none`, and search is by words only."""
    key = settings.embedding_key
    if key is None:
        return None
    from shared.embedding.openai_embeddings import OpenAIEmbeddings  # the SDK is 50 MB nobody needs without a key

    return OpenAIEmbeddings(
        name=settings.embedding_model,
        dimensions=settings.embedding_dimensions,
        base_url=settings.embedding_base_url or settings.openai_base_url,
        api_key=key,
    )

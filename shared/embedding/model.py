"""Text to dense vectors: the port, and which model the settings mean."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from shared.embedding import local_embeddings
from shared.embedding.local_embeddings import LocalEmbeddings, find_weights
from shared.settings import Settings

ENGLISH_MODELS = frozenset({local_embeddings.NAME})
"""Names of models that know no other language."""

_log = logging.getLogger(__name__)


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

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector per text, same order, in one request (within the API's limits); waits out rate limits."""
        ...

    async def ping(self) -> None:
        """Return when the model answers."""
        ...

    async def aclose(self) -> None: ...


class ModelChoice(NamedTuple):
    """What tells one model's vectors from another's."""

    name: str
    dimensions: int


def choose_model(settings: Settings) -> ModelChoice | None:
    """Which model the settings mean; None: search is by words only."""
    if settings.embedding_key is not None:
        return ModelChoice(settings.embedding_model, settings.embedding_dimensions)
    if settings.wants_local_embeddings and find_weights() is not None:
        return ModelChoice(local_embeddings.NAME, local_embeddings.DIMENSIONS)
    return None


def open_embeddings(settings: Settings) -> EmbeddingModel | None:
    """The model of the settings, not loaded or connected to yet; None: search is by words only."""
    if (key := settings.embedding_key) is None:
        if not settings.wants_local_embeddings:
            return None
        if (weights := find_weights()) is None:
            _log.warning("The book is searched by words only: %s or onnxruntime is not installed.", local_embeddings.PACKAGE)
            return None
        return LocalEmbeddings(weights)
    from shared.embedding.openai_embeddings import OpenAIEmbeddings  # the SDK is 50 MB nobody needs without a key

    return OpenAIEmbeddings(
        name=settings.embedding_model,
        dimensions=settings.embedding_dimensions,
        base_url=settings.embedding_base_url or settings.openai_base_url,
        api_key=key,
    )

"""Dense vectors from any OpenAI-compatible API."""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import httpx2
import openai
from pydantic import BaseModel, SecretStr, ValidationError

from shared import tracing
from shared.embedding.openai_errors import translate
from shared.errors import ServiceError
from shared.retry import IN_A_QUESTION, IN_AN_INGEST, retry

CONNECT_TIMEOUT_S = 3.0
QUERY_TIMEOUT_S = 5.0
"""For one question; search by words goes on without it."""
DOCUMENTS_TIMEOUT_S = 120.0
"""For one batch: a small model on two cores embeds a hundred chunks in half a minute."""
_TAKES_DIMENSIONS = "text-embedding-3"
"""Only these models accept the `dimensions` parameter; others refuse a request that names it."""


class _Item(BaseModel):
    index: int
    embedding: str | list[float]
    """base64 of little-endian float32, or numbers: some servers ignore what was asked for."""


class _Answer(BaseModel):
    data: list[_Item]


class OpenAIEmbeddings:
    """`POST /embeddings` with every vector checked: count, order, length and finiteness."""

    def __init__(self, *, name: str, dimensions: int, base_url: str, api_key: SecretStr) -> None:
        """Nothing is connected to yet."""
        self._name = name
        self._dimensions = dimensions
        self._address = base_url
        self._encoding = "base64"
        self._described = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": name,
            "server.address": urlsplit(base_url).hostname or "",
        }
        self._client = openai.AsyncOpenAI(api_key=api_key.get_secret_value().strip(), base_url=base_url, max_retries=0)

    @property
    def name(self) -> str:
        """The model's name, as the API knows it."""
        return self._name

    @property
    def dimensions(self) -> int:
        """Floats in every vector."""
        return self._dimensions

    async def embed_query(self, text: str) -> list[float]:
        """See `EmbeddingModel.embed_query`."""
        vectors = await retry(lambda: self._embed([text], QUERY_TIMEOUT_S), IN_A_QUESTION)
        return vectors[0].tolist()

    async def embed_documents(self, texts: Sequence[str]) -> list[array[float]]:
        """See `EmbeddingModel.embed_documents`."""
        if not texts:
            return []
        return await retry(lambda: self._embed(texts, DOCUMENTS_TIMEOUT_S), IN_AN_INGEST)

    async def ping(self) -> None:
        """Embed one word: not every compatible server lists its models."""
        await self._embed(["ping"], QUERY_TIMEOUT_S)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _embed(self, texts: Sequence[str], timeout_s: float) -> list[array[float]]:
        with tracing.span(f"embeddings {self._name}", self._described | {"lectern.texts": len(texts)}, kind="client") as call:
            return await self._request(texts, timeout_s, call.headers())

    async def _request(self, texts: Sequence[str], timeout_s: float, headers: Mapping[str, str]) -> list[array[float]]:
        try:
            response = await self._client.embeddings.with_raw_response.create(
                model=self._name,
                input=list(texts),
                encoding_format="float" if self._encoding == "float" else "base64",
                dimensions=self._dimensions if _TAKES_DIMENSIONS in self._name else openai.omit,
                timeout=httpx2.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
                extra_headers=headers,
            )
        except openai.BadRequestError as exc:
            if self._encoding == "float" or "encoding_format" not in exc.message:
                raise translate(exc, "embeddings", address=self._address, model=self._name) from exc
            self._encoding = "float"  # a server that knows no base64 says so once
            return await self._request(texts, timeout_s, headers)
        except openai.OpenAIError as exc:
            raise translate(exc, "embeddings", address=self._address, model=self._name) from exc
        return self._read(response.content, len(texts))

    def _read(self, body: bytes, expected: int) -> list[array[float]]:
        try:
            items = sorted(_Answer.model_validate_json(body).data, key=lambda item: item.index)
            vectors = [_decode(item.embedding) for item in items]
        except (ValidationError, ValueError, binascii.Error) as exc:
            raise self._broken("something that is not an embeddings response; is this an OpenAI-compatible API?") from exc
        if [item.index for item in items] != list(range(expected)):
            raise self._broken(f"{len(items)} vectors for {expected} texts.")
        for vector in vectors:
            if len(vector) != self._dimensions:
                raise self._broken(
                    f"vectors of {len(vector)} floats, EMBEDDING_DIMENSIONS is {self._dimensions}.", "dimensions"
                )
            if not math.isfinite(sum(vector)):  # which no sum of so many float32 that are finite is
                raise self._broken("a vector that holds infinity or not-a-number.")
        return vectors

    def _broken(self, what: str, code: str = "bad_response") -> ServiceError:
        message = f"{self._address} answered for {self._name!r} with {what}"
        return ServiceError("embeddings", message, transient=False, code=code)


def _decode(embedding: str | list[float]) -> array[float]:
    if isinstance(embedding, list):
        return array("f", embedding)
    vector = array("f")
    vector.frombytes(base64.b64decode(embedding, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector

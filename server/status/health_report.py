"""What /health says; `docs/operating.md` has it as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class LiveBuild(BaseModel):
    """The build answers come from."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Its name: when it was made, UTC, and six random digits; names sort by time."""
    created_at: datetime
    """When it was made, UTC."""
    documents: int
    """Pages in it."""
    chunks: int
    """Chunks in it."""
    embedding_model: str | None
    """Whose vectors it holds; null: words only."""


class HealthReport(BaseModel):
    """How the service is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok", "reading", "no_book", "degraded", "draining"]
    """`reading`: the book is being read for the first time, or is about to be; `no_book`: none was read and none will be unless
    somebody acts (`advice`); `degraded`: the index or a model is away; `draining`: on its way down."""
    version: str
    """Lectern's."""
    uptime: float
    """Seconds since the process started."""
    qdrant_connected: bool
    """The index answers, embedded or remote; without it there are no answers."""
    openai_connected: bool
    """The chat model answers; false too when none is configured. Without it answers are quotations."""
    embeddings_connected: bool
    """The embedding model answers; false too when none is configured. Without it search is by words."""
    prefect_connected: bool
    """Prefect answers; without it no ingest starts, and nothing else is missing."""
    database_connected: bool
    """The database of conversations answers; false too with DATABASE_URL=none. Without it nothing is remembered."""
    redis_connected: bool
    """Redis answers; false too without REDIS_URL. Without it each process keeps answers in its memory."""
    documents_count: int
    """Pages in the live build."""
    chunks_count: int
    """Chunks in the live build."""
    build: LiveBuild | None
    """The live build; null: none yet."""
    advice: str | None
    """What is the matter while there is no build, and what to do about it; null: nothing."""
    chat_model: str
    """Who writes the answers; `extractive`: they are quotations."""
    embedding_model: str | None
    """Whose vectors questions get; null: words only."""
    tokenizer: Literal["exact", "estimate"]
    """`estimate`: the vocabulary is missing, and tokens are counted too high."""
    open_streams: int
    """Answers on their way."""


ServiceName = Literal["index", "chat_model", "embeddings", "prefect", "database", "redis"]
ServiceState = Literal["ok", "down", "unused"]


class Readiness(BaseModel):
    """The service takes readers."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok"] = "ok"
    services: dict[ServiceName, ServiceState]
    """How each thing is that the service depends on; it goes on, with less, while any but the index is `down`."""


class DependencyHealth(BaseModel):
    """How one of the things is that the service depends on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok", "unused"]
    """`unused`: the settings name none, and none is missed."""

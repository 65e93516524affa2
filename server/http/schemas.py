"""Shapes that only document: what `/openapi.json` says of bodies and answers. `requests.py` reads more leniently."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.answering.events import CitedSource, Usage
from shared.models import Progress, Report


class Entry(BaseModel):
    """One earlier entry of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class ChatBody(BaseModel):
    """A question; also understood as `message`, `query`, `input` or the last user entry of `messages`."""

    question: str = Field(max_length=4000)
    history: list[Entry] = []
    session_id: str | None = None
    selected_text: str | None = None
    surrounding_context: str | None = None
    page_url: str | None = None
    k: int = Field(default=5, ge=1, le=20)
    stream: bool = True


class SelectionBody(ChatBody):
    """A question about a selected text."""

    selected_text: str | None = Field(default=..., max_length=8000)


class JsonAnswer(BaseModel):
    """The whole answer as one object."""

    answer: str
    sources: list[CitedSource]
    session_id: str
    message_id: str
    finish_reason: Literal["stop", "length"]
    abstained: bool
    degraded: bool
    cited: list[int]
    suggestions: list[str]
    usage: Usage | None
    metadata: dict[str, Any]


class ProblemBody(BaseModel):
    """A failure, after RFC 9457."""

    type: str = Field(description="`urn:lectern:problem:` and the code.")
    title: str
    status: int
    detail: str = Field(description="One sentence a reader can be shown.")
    code: str = Field(description="Stable snake_case name.")
    request_id: str = Field(description="What the log calls this request; also in `X-Request-ID`.")


class SearchParameters(BaseModel):
    """What to look for."""

    q: str | None = Field(default=None, description="The query; needed. At most 4,000 characters.")
    k: int | None = Field(default=10, ge=1, le=50, description="Places wanted.")
    path: str | None = Field(default=None, description="A file or folder of the book to look in.")


class SearchResult(BaseModel):
    """One place in the book."""

    path: str
    start: int
    end: int
    start_line: int
    end_line: int
    title: str
    heading_path: list[str]
    url: str
    score: float
    text: str


class SearchResults(BaseModel):
    """Places, best first."""

    results: list[SearchResult]
    query: str
    answerable: bool
    support: float
    degraded: bool


class LiveBuild(BaseModel):
    """The build answers come from."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Its name: when it was made, and a part of its content's digest."""
    created_at: datetime
    """When it was made, UTC."""
    documents: int
    """Pages in it."""
    chunks: int
    """Chunks in it."""
    embedding_model: str | None
    """Whose vectors it holds; null: words only."""


class Alive(BaseModel):
    """Yes."""

    status: Literal["ok"] = "ok"


class HealthReport(BaseModel):
    """How the service is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok", "reading", "degraded", "draining"]
    """`reading`: no book has been read yet; `degraded`: the index or a model is away; `draining`: on its way down."""
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
    documents_count: int
    """Pages in the live build."""
    chunks_count: int
    """Chunks in the live build."""
    build: LiveBuild | None
    """The live build; null: none yet."""
    chat_model: str
    """Who writes the answers; `extractive`: they are quotations."""
    embedding_model: str | None
    """Whose vectors questions get; null: words only."""
    tokenizer: Literal["exact", "estimate"]
    """`estimate`: the vocabulary is missing, and tokens are counted too high."""
    open_streams: int
    """Answers on their way."""


class IngestBody(BaseModel):
    """How thoroughly."""

    full: bool = Field(
        default=False,
        description="Write a new build even if nothing changed or most of the book is gone; vectors are not bought again.",
    )


class IngestStarted(BaseModel):
    """The run that does it."""

    run_id: str
    status_url: str


class IngestRun(BaseModel):
    """One ingest."""

    run_id: str
    state: str
    message: str
    full: bool
    expected_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    progress: Progress | None
    report: Report | None


class IngestStatus(BaseModel):
    """The latest ingest and what is live."""

    run: IngestRun | None
    build: LiveBuild | None
    prefect_connected: bool

"""What a reader asks and what they hear, before any dialect: the request and the events of one answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.models import Chunk, Frozen, Hit


class Turn(Frozen):
    """One earlier entry of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class ChatRequest(Frozen):
    """A question, in our own words; `requests.py` makes it from every field name a known widget sends."""

    question: str
    history: tuple[Turn, ...] = ()
    session_id: str | None = None
    selected_text: str | None = None
    surrounding_context: str | None = None
    page_url: str | None = None
    k: int = 5
    """Passages to answer from, 1 to 20."""
    stream: bool = True


class Passage(Frozen):
    """A piece of the book put before the model, numbered from 1."""

    n: int
    chunk: Chunk
    score: float
    """0 to 1, higher is better; comparable within one answer only."""
    url: str
    """Where the reader lands: page and #anchor of the heading in the chunk that fits the question best."""
    heading_path: tuple[str, ...]
    """Of that heading."""


class Passages(Frozen):
    """What retrieval found for one question."""

    passages: tuple[Passage, ...]
    query: str
    """What was searched for: the questions it leans on, one a line, then the question."""
    question: str = ""
    """Of that the question alone: made whole by a model, spelled as the book spells."""
    build_id: str
    answerable: bool
    """False: the book does not seem to hold the answer; the passages are then the nearest sections."""
    support: float = 1.0
    """How likely the book holds the answer, 0 to 1; `answerable` is this against a threshold."""
    degraded: bool = False
    """The embedding model was out of reach: found by words only."""
    rarity: dict[int, float] = Field(default_factory=dict[int, float])
    """{term: inverse document frequency in the book} of the words searched for."""
    long_forms: dict[str, str] = Field(default_factory=dict[str, str])
    """{abbreviation of the question: what the book says it stands for}."""


class Results(Frozen):
    """What a search found."""

    hits: tuple[Hit, ...]
    """Best first, scores 0 to 1."""
    query: str
    """What was searched for."""
    answerable: bool
    support: float
    degraded: bool = False
    """As in `Passages`."""


class Source(Frozen):
    """A citation as the reader sees it."""

    n: int
    title: str
    chapter: str
    section: str
    url: str
    score: float


class Usage(Frozen):
    """What an answer cost."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


class Start(Frozen):
    type: Literal["start"] = "start"
    session_id: str
    message_id: str
    metadata: dict[str, Any]
    """mode, retrieved_chunks, model, query, build."""


class Sources(Frozen):
    type: Literal["sources"] = "sources"
    sources: tuple[Source, ...]


class TextDelta(Frozen):
    type: Literal["chunk"] = "chunk"
    content: str


class Failed(Frozen):
    """Something broke after the first byte; `Done` with finish_reason 'error' follows."""

    type: Literal["error"] = "error"
    error: str
    """Stable snake_case code."""
    message: str
    """One sentence a reader can be shown."""
    retryable: bool
    request_id: str


class Done(Frozen):
    type: Literal["done"] = "done"
    session_id: str
    message_id: str
    finish_reason: Literal["stop", "length", "error"]
    abstained: bool
    """The book does not say; machine-readable."""
    degraded: bool = False
    """The chat model was out of reach and the answer is quotations."""
    cited: tuple[int, ...] = ()
    sources: tuple[Source, ...] = ()
    """Only those cited."""
    suggestions: tuple[str, ...] = ()
    usage: Usage | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


ChatEvent = Annotated[Start | Sources | TextDelta | Failed | Done, Field(discriminator="type")]
"""Start, Sources, TextDelta*, then Done, or Failed and Done: exactly one Done, always last."""

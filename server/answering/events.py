"""The events of one answer, before any dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from server.finding.passages import Passage, beginning, place, safe_link
from shared.models import Frozen


@dataclass(frozen=True, slots=True)
class AnswerIds:
    """What one answer is called."""

    session_id: str
    message_id: str
    request_id: str
    conversation_id: str = ""
    """The conversation it is kept in; '' where nothing is remembered."""
    history: str = ""
    """Where what was said before came from."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What `Start` says of the conversation."""
        return {"conversation_id": self.conversation_id, "history": self.history} if self.conversation_id else {}


class CitedSource(Frozen):
    """A citation as the reader sees it."""

    n: int
    title: str
    chapter: str
    section: str
    url: str
    score: float
    quote: str = ""
    """How the section begins."""


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
    """mode, retrieved_chunks, model, query, answerable, support, build; `cached` where the answer is given again."""


class Sources(Frozen):
    type: Literal["sources"] = "sources"
    sources: tuple[CitedSource, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the text. One is made per token, so it is no pydantic model."""

    content: str
    type: Literal["chunk"] = "chunk"


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
    sources: tuple[CitedSource, ...] = ()
    """Only those cited."""
    suggestions: tuple[str, ...] = ()
    usage: Usage | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @property
    def again(self) -> dict[str, Any]:
        """`cached`, where the answer is given again: for dialects that have no place for all of `metadata`."""
        return {"cached": True} if self.metadata.get("cached") else {}


ChatEvent = Start | Sources | TextDelta | Failed | Done
"""Start, Sources, TextDelta*, then Done, or Failed and Done: exactly one Done, always last."""


def whole_answer(ids: AnswerIds, text: str, *, mode: str, abstained: bool = False) -> list[ChatEvent]:
    """The events of an answer that needs no model and no book."""
    metadata = {"mode": mode, "retrieved_chunks": 0} | ids.metadata
    session_id, message_id = ids.session_id, ids.message_id
    return [
        Start(session_id=session_id, message_id=message_id, metadata=metadata),
        Sources(sources=()),
        TextDelta(text),
        Done(session_id=session_id, message_id=message_id, finish_reason="stop", abstained=abstained, metadata=metadata),
    ]


def cite(passage: Passage) -> CitedSource:
    """The passage as a citation."""
    names = place(passage)
    return CitedSource(
        n=passage.n,
        title=passage.chunk.title,
        chapter=names[0],
        section=names[-1],
        url=safe_link(passage.url),
        score=round(passage.score, 4),
        quote=beginning(passage),
    )

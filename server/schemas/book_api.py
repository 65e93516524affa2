"""The shapes of bodies and answers, as `/openapi.json` says them.

Those of a search and of an ingest are what is checked, too. A question is read more leniently (`http/requests.py`): widgets
name its fields in many ways.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from server.answering.events import CitedSource, Usage
from server.http.requests import DEFAULT_K, MAX_K, MAX_QUESTION_CHARS, MAX_SELECTION_CHARS
from server.status.health_report import LiveBuild
from shared.errors import RequestError
from shared.models import Progress, Report

MAX_PLACES = 50


class Entry(BaseModel):
    """One earlier entry of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class ChatBody(BaseModel):
    """A question, under any of the names front ends have for it; one of `question` and `messages` is needed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    question: str | None = Field(default=None, max_length=MAX_QUESTION_CHARS)
    """What is asked; also `message`, `query`, `input`, `prompt` and others."""
    messages: list[Entry] | None = None
    """The conversation with the question last, as OpenAI's clients send it."""
    history: list[Entry] = []
    """The conversation so far, oldest first; also `chat_history` and `conversation_history`."""
    session_id: str | None = None
    """Given back as it is; also `conversation_id`; `X-Anonymous-Session-ID` wins."""
    user_id: str | None = None
    """Whom the front end takes the reader for; nobody is trusted for it."""
    selected_text: str | None = None
    """The text on the page that the question is about."""
    surrounding_context: str | None = None
    """What stands around it."""
    page_url: str | None = None
    """The page the reader is on."""
    k: int = Field(default=DEFAULT_K, ge=1, le=MAX_K)
    """Passages to answer from; also `top_k` and others. Of a number beyond, the nearest is taken."""
    stream: bool | None = None
    """True: a stream; false: one JSON object; null: as `Accept` says, then as the path's front ends read it."""


class Question(BaseModel):
    """A question in an address."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    question: str = Field(max_length=MAX_QUESTION_CHARS)
    """What is asked; also `message`, `query` and the other names of a body."""
    session_id: str | None = None
    page_url: str | None = None


class SelectionBody(ChatBody):
    """A question about a selected text."""

    selected_text: str | None = Field(default=..., max_length=MAX_SELECTION_CHARS, description="What the question is about.")


class Citation(BaseModel):
    """A passage that the answer cites."""

    n: int
    text: str
    """How the section begins."""
    source: str
    """Page and heading."""
    title: str
    page_url: str
    url: str


class JsonAnswer(BaseModel):
    """The whole answer as one object, under every name that front ends read it by."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    answer: str
    response: str
    """The same text as `answer`, as are the eight that follow."""
    text: str
    message: str
    ai_response: str
    assistant_response: str
    assistant: str
    reply: str
    output: str
    result: str
    sources: list[CitedSource]
    """What was put before the model, also in `metadata`."""
    citations: list[Citation]
    timestamp: datetime
    conversation_id: str
    session_id: str
    message_id: str
    finish_reason: Literal["stop", "length"]
    abstained: bool
    degraded: bool
    cited: list[int]
    suggestions: list[str]
    usage: Usage | None
    metadata: dict[str, Any]


class AboutBook(BaseModel):
    """What a front end shows before anything is asked."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    title: str
    """BOOK_TITLE; '' where the author gave none."""
    site_url: str | None
    """Where the book is published."""
    issues_url: str | None
    """Where a reader tells the author what is missing."""
    pages: int
    """Pages in the live build."""
    state: Literal["reading", "no_book"] | None
    """Why it cannot be asked yet; null: it can."""
    quotes: bool
    """Answers are quotations; no chat model is configured."""
    questions: list[str]
    """What a reader may begin with: about the page at `page_url`, else about the book."""


class StoppedAnswer(BaseModel):
    """An answer that ends now."""

    message_id: str


def _count(value: object) -> object:
    """Digits alone make a number: no sign, no blanks, no other script's."""
    if isinstance(value, int):
        return value
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_PLACES):
        raise RequestError("invalid_field", f"'k' must be a whole number from 1 to {MAX_PLACES}.")
    return int(text)


def _query(text: str) -> str:
    query = unicodedata.normalize("NFC", text).strip()
    if not query or "\0" in query:
        raise RequestError("question_missing", "Say what to search for in 'q'.")
    if len(query) > MAX_QUESTION_CHARS:
        raise RequestError("question_too_long", f"'q' is too long: at most {MAX_QUESTION_CHARS} characters.")
    return query


class SearchParameters(BaseModel):
    """What to look for."""

    q: Annotated[str, AfterValidator(_query)] = Field(
        default="",
        validate_default=True,
        description=f"The query; needed. At most {MAX_QUESTION_CHARS:,} characters.",
        json_schema_extra={"maxLength": MAX_QUESTION_CHARS},
    )
    k: Annotated[int, BeforeValidator(_count)] = Field(default=10, ge=1, le=MAX_PLACES, description="Places wanted.")
    path: str = Field(default="", description="A file or folder of the book to look in.")


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


class Alive(BaseModel):
    """Yes."""

    status: Literal["ok"] = "ok"


class IngestBody(BaseModel):
    """How thoroughly."""

    model_config = ConfigDict(extra="forbid", strict=True)

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
    page: str | None = Field(description="The page that is edited; null: the whole book is read.")
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

"""What is found: passages for an answer, results for a search."""

from __future__ import annotations

import re

from pydantic import Field

from server.finding.trail import Trail
from shared import content
from shared.models import Chunk, Frozen, Hit

BEGINNING_CHARS = 200
"""Of a section, beside its citation."""

_LINK = re.compile(r"https?://|/(?![/\\])", re.IGNORECASE)


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


class Part(Frozen):
    """One of the things a question asks."""

    question: str
    answerable: bool


class Passages(Frozen):
    """What retrieval found for one question."""

    passages: tuple[Passage, ...]
    query: str
    """What was searched for: the questions it leans on, one a line, then the question."""
    question: str = ""
    """Of that the question alone: made whole by a model, spelled as the book spells."""
    parts: tuple[Part, ...] = ()
    """What it asks one by one, where it asks several things."""
    sides: tuple[str, ...] = ()
    """What it compares."""
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
    trail: Trail | None = Field(default=None, exclude=True, repr=False)
    """How they were found; None: not by a search just now."""


class SearchOutcome(Frozen):
    """What a search found."""

    hits: tuple[Hit, ...]
    """Best first, scores 0 to 1."""
    query: str
    """What was searched for."""
    answerable: bool
    support: float
    degraded: bool = False
    """As in `Passages`."""


def place(passage: Passage) -> tuple[str, ...]:
    """Page title, then the headings down to the one cited."""
    return content.breadcrumb(passage.chunk.title, passage.heading_path)


def beginning(passage: Passage) -> str:
    """How the section cited begins, as plain text without its heading, cut between words; '' where it has none of its own."""
    chunk = passage.chunk
    section = next((one for one in chunk.sections if one.heading_path == passage.heading_path), None)
    blocks = [block for block in section.blocks if block.kind != "heading"] if section else []
    text = " ".join(" ".join(chunk.content[block.content_start : block.content_end] for block in blocks).split())
    return text if len(text) <= BEGINNING_CHARS else text[:BEGINNING_CHARS].rsplit(" ", 1)[0] + "…"


def safe_link(url: str) -> str:
    """The address a citation may open: of the web, or a path of this site; '' for any other, such as `javascript:`."""
    return url if _LINK.match(url) else ""

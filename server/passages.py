"""A passage's words, and the names of the place it stands in."""

from __future__ import annotations

from server.chat import Passage, Source
from shared.models import Chunk


def body(chunk: Chunk) -> str:
    """The cleaned rendering without the line of title and headings it is indexed with, and that of tags."""
    head, blank, rest = chunk.content.partition("\n\n")
    head, _, _ = head.partition("\n")
    named = {chunk.title, *chunk.heading_path[-1:]}
    return rest if blank and any(head.endswith(name) for name in named if name) else chunk.content


def place(passage: Passage) -> tuple[str, ...]:
    """Page title, then the headings down to the one cited; the title is not said twice."""
    title, path = passage.chunk.title, passage.heading_path
    return path if path and path[0].casefold() == title.casefold() else (title, *path)


def source(passage: Passage) -> Source:
    """The passage as a citation."""
    names = place(passage)
    return Source(
        n=passage.n,
        title=passage.chunk.title,
        chapter=names[0],
        section=names[-1],
        url=passage.url,
        score=round(passage.score, 4),
    )

"""What is found: a part of a chunk under one heading, and a chunk cut down to it or joined with its neighbours.

Small sections share a chunk in the index, so that none is embedded without context; they part again here, so that a reader
lands on the heading that says it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from shared import content
from shared.models import CODE_KINDS, Chunk, Section
from shared.tokens import CountTokens

PlaceKey = tuple[str, int]
"""A chunk's id and where the place begins."""
SectionKey = tuple[str, tuple[str, ...]]
"""A page's path and the headings."""
_MOST_CHUNKS = 4096
"""Chunks whose places are remembered."""
_MARKUP = " *_`\"')"


@dataclass(frozen=True)
class Place:
    """Some sections of one chunk: one with text, and headings without any before it; what is told of it is worked out once."""

    chunk: Chunk
    sections: tuple[Section, ...]
    start: int
    end: int
    """Character offsets into the file."""
    body: str
    """What its blocks say, without title and breadcrumb."""

    @cached_property
    def key(self) -> PlaceKey:
        """What tells it from every other place."""
        return self.chunk.id, self.start

    @property
    def section(self) -> Section:
        """The one with text."""
        return self.sections[-1]

    @cached_property
    def section_key(self) -> SectionKey:
        """What tells that section from every other."""
        return self.chunk.path, self.section.heading_path

    @cached_property
    def is_bare(self) -> bool:
        """Whether there is no text under its headings."""
        return all(map(content.is_bare, self.sections))

    @cached_property
    def has_prose(self) -> bool:
        """Whether it says anything besides headings and code."""
        blocks = (block for section in self.sections for block in section.blocks)
        return any(not block.is_empty and block.kind != "heading" and block.kind not in CODE_KINDS for block in blocks)

    @cached_property
    def is_quiz(self) -> bool:
        """Whether most of it is lines that end in a question mark."""
        asking = sum(len(line) for line in self.body.splitlines() if line.rstrip(_MARKUP).endswith(("?", "？", "؟")))
        return 2 * asking > len(self.body)

    @property
    def source(self) -> str:
        """As the file has it."""
        return self.chunk.text[self.start - self.chunk.start : self.end - self.chunk.start]

    @cached_property
    def prose(self) -> str:
        """What it says outside of code."""
        return content.prose(self.chunk, self.sections)

    @property
    def tokens(self) -> int:
        """Its share of the chunk's."""
        return -(-self.chunk.tokens * (self.end - self.start) // max(1, self.chunk.end - self.chunk.start))


@lru_cache(_MOST_CHUNKS)
def cut(chunk: Chunk) -> tuple[Place, ...]:
    """A chunk's places in order; together they are the chunk."""
    starts = [chunk.start, *(section.start for section in chunk.sections[1:]), chunk.end]
    places: list[Place] = []
    first = 0
    for last, section in enumerate(chunk.sections):
        if last + 1 < len(chunk.sections) and content.is_bare(section):
            continue
        sections = chunk.sections[first : last + 1]
        start, end = content.body_range(sections, chunk)
        places.append(Place(chunk, sections, starts[first], starts[last + 1], chunk.content[start:end]))
        first = last + 1
    return tuple(places)


def page_url(chunk: Chunk) -> str:
    """The address of the chunk's page, without an anchor."""
    return chunk.url.partition("#")[0]


def as_chunk(places: Sequence[Place], section: Section, count: CountTokens) -> Chunk:
    """Neighbouring places of one page, in order, as one chunk under one of their headings; it keeps the first chunk's id.

    What stands between two chunks and is not blank (an import, a JSX tag) is in its range but not in its text.
    """
    first, last = places[0], places[-1]
    line = first.chunk.start_line + first.chunk.text.count("\n", 0, first.start - first.chunk.start)
    text = _text(places)
    head = content.head(content.breadcrumb(first.chunk.title, section.heading_path)) + content.BLANK_LINE
    whole = head + content.BLANK_LINE.join(place.body for place in places if place.body)
    return first.chunk.model_copy(
        update={
            "start": first.start,
            "end": last.start + len(last.source.rstrip()),
            "start_line": line,
            "end_line": line + text.count("\n"),
            "heading_path": section.heading_path,
            "anchor": section.anchor,
            "url": section.url,
            "sections": tuple(_sections(places, len(head))),
            "tokens": count(text),
            "text": text,
            "content": whole,
            "body_start": len(head),
            "content_hash": hashlib.sha256(whole.encode()).hexdigest(),
        }
    )


def _text(places: Sequence[Place]) -> str:
    """The source of the places; between chunks as many line ends as there are in the file."""
    text = places[0].source
    for before, place in pairwise(places):
        if place.chunk.id != before.chunk.id:
            if place.start < before.end:  # pieces of one imported partial share a range
                continue
            text += "\n" * max(1, place.chunk.start_line - before.chunk.end_line)
        text += place.source
    return text.rstrip()


def _sections(places: Sequence[Place], start: int) -> list[Section]:
    """The sections of places whose bodies stand one after the other from `start` on, neighbours under one heading as one."""
    joined: list[Section] = []
    for place in places:
        by = start - content.body_range(place.sections, place.chunk)[0]
        for section in place.sections:
            blocks = tuple(
                block._replace(content_start=block.content_start + by, content_end=block.content_end + by)
                for block in section.blocks
            )
            if joined and section.heading_path == joined[-1].heading_path:
                joined[-1] = joined[-1].model_copy(update={"blocks": (*joined[-1].blocks, *blocks)})
            else:
                joined.append(section.model_copy(update={"blocks": blocks}))
        start += len(place.body) + len(content.BLANK_LINE) if place.body else 0
    return joined

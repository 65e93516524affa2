"""What is found: a part of a chunk under one heading, and a chunk cut down to it or joined with its neighbours.

Small sections share a chunk in the index, so that none is embedded without context; they part again here, so that a reader
lands on the heading that says it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.models import Chunk, Section
from shared.tokens import CountTokens

BREADCRUMB = " > "
BLANK_LINE = "\n\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Some sections of one chunk: one with text, and headings without any before it."""

    chunk: Chunk
    sections: tuple[Section, ...]
    start: int
    end: int
    """Character offsets into the file."""
    body: str
    """The cleaned rendering of the range, without title and breadcrumb."""

    @property
    def section(self) -> Section:
        """The one with text."""
        return self.sections[-1]

    @property
    def tokens(self) -> int:
        """Its share of the chunk's."""
        return -(-self.chunk.tokens * (self.end - self.start) // max(1, self.chunk.end - self.chunk.start))


def crumbs(title: str, heading_path: Sequence[str]) -> tuple[str, ...]:
    """Page title, then headings; the title is not said twice."""
    if heading_path and heading_path[0].casefold() == title.casefold():
        return tuple(heading_path)
    return (title, *heading_path)


def cut(chunk: Chunk) -> list[Place]:
    """A chunk's places in order; together they are the chunk."""
    bodies = _bodies(chunk)
    starts = [chunk.start, *(section.start for section in chunk.sections[1:]), chunk.end]
    places: list[Place] = []
    first = 0
    for last, section in enumerate(chunk.sections):
        if last + 1 < len(chunk.sections) and _is_bare(bodies[last], section):
            continue
        body = BLANK_LINE.join(bodies[first : last + 1])
        places.append(Place(chunk, chunk.sections[first : last + 1], starts[first], starts[last + 1], body))
        first = last + 1
    return places


def page_url(chunk: Chunk) -> str:
    """The address of the chunk's page, without an anchor."""
    return chunk.url.partition("#")[0]


def url(chunk: Chunk, section: Section) -> str:
    """The address of a heading on the chunk's page."""
    return page_url(chunk) + (f"#{section.anchor}" if section.anchor else "")


def as_chunk(places: Sequence[Place], section: Section, count: CountTokens) -> Chunk:
    """Neighbouring places of one page, in order, as one chunk under one of their headings; it keeps the first chunk's id.

    What stands between two chunks and is not blank (an import, a JSX tag) is in its range but not in its text.
    """
    first, last = places[0], places[-1]
    line = first.chunk.start_line + first.chunk.text.count("\n", 0, first.start - first.chunk.start)
    text = _text(places)
    content = BREADCRUMB.join(crumbs(first.chunk.title, section.heading_path)) + BLANK_LINE + _rendering(places)
    return first.chunk.model_copy(
        update={
            "start": first.start,
            "end": last.start + len(_source(last).rstrip()),
            "start_line": line,
            "end_line": line + text.count("\n"),
            "heading_path": section.heading_path,
            "anchor": section.anchor,
            "url": url(first.chunk, section),
            "sections": _sections(places),
            "tokens": count(text),
            "text": text,
            "content": content,
            "content_hash": hashlib.sha256(content.encode()).hexdigest(),
        }
    )


def _text(places: Sequence[Place]) -> str:
    """The source of the places; between chunks as many line ends as there are in the file."""
    text = _source(places[0])
    for before, place in pairwise(places):
        if place.chunk.id != before.chunk.id:
            if place.start < before.end:  # pieces of one imported partial share a range
                continue
            text += "\n" * max(1, place.chunk.start_line - before.chunk.end_line)
        text += _source(place)
    return text.rstrip()


def _source(place: Place) -> str:
    return place.chunk.text[place.start - place.chunk.start : place.end - place.chunk.start]


def _rendering(places: Sequence[Place]) -> str:
    return BLANK_LINE.join(place.body for place in places if place.body)


def _sections(places: Sequence[Place]) -> tuple[Section, ...]:
    sections: list[Section] = []
    for section in (section for place in places for section in place.sections):
        if not sections or section.heading_path != sections[-1].heading_path:
            sections.append(section)
    return tuple(sections)


def tags(chunk: Chunk) -> str:
    """The page's tags, where they are part of the content: in that of its first chunk."""
    return _head(chunk).partition("\n")[2]


def _head(chunk: Chunk) -> str:
    """The content's breadcrumb, with tags below it; '' for a page without a title of its own, before its first heading."""
    head, _, _ = chunk.content.partition(BLANK_LINE)
    breadcrumbs = {BREADCRUMB.join(chunk.heading_path), BREADCRUMB.join(crumbs(chunk.title, chunk.heading_path))}
    return head if head.partition("\n")[0] in breadcrumbs else ""


def _body(chunk: Chunk) -> str:
    """The content after its head."""
    return chunk.content.removeprefix(_head(chunk)).removeprefix(BLANK_LINE)


def _bodies(chunk: Chunk) -> list[str]:
    """The cleaned rendering of every section: the body parted before each heading; the source where one is not in it."""
    body, bodies, done = BLANK_LINE + _body(chunk), list[str](), 0
    for section in chunk.sections[1:]:
        heading = section.heading_path[-1] if section.heading_path else ""
        at = body.find(f"{BLANK_LINE}{heading}", done + bool(bodies)) if heading else -1
        if at < 0:
            return _source_bodies(chunk)
        bodies.append(body[done:at].removeprefix(BLANK_LINE))
        done = at
    return [*bodies, body[done:].removeprefix(BLANK_LINE)]


def _source_bodies(chunk: Chunk) -> list[str]:
    starts = [chunk.start, *(section.start for section in chunk.sections[1:]), chunk.end]
    return [chunk.text[start - chunk.start : end - chunk.start] for start, end in pairwise(starts)]


def is_bare(place: Place) -> bool:
    """Whether there is no text under the place's headings."""
    return _is_bare(place.body, place.section)


def _is_bare(body: str, section: Section) -> bool:
    heading = section.heading_path[-1] if section.heading_path else ""
    return not body.strip().lstrip("#").strip().removeprefix(heading).strip()

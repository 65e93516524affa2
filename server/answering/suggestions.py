"""What a reader may ask, as questions about the book's own headings. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from server.english import is_announcing, is_generic
from server.finding.passages import Passage
from shared.models import Chunk

MAX_SUGGESTIONS = 3
_NUMBERING = re.compile(r"^(?:[^\W\d]+\s)?\d[\d.]*\s*[.:)–—-]?\s+|^\W+")
"""`3.2 `, `Chapter 6: `, and pictures in front of a heading."""
_ENDS_ASKING = ("?", "؟", "？")
_PROSE = frozenset(("paragraph", "list_item"))


class _Topic(NamedTuple):
    """A heading with prose below it, and the prose."""

    heading: str
    text: str


def suggest(passages: Sequence[Passage], cited: Collection[int]) -> tuple[str, ...]:
    """Where to go on from an answer: up to three questions about sections near it that it did not cite.

    First those inside what was cited, then those of the other passages.
    """
    told = {passage.heading_path[-1] for passage in passages if passage.n in cited and passage.heading_path}
    inside = [topic for passage in passages if passage.n in cited for topic in _topics(passage.chunk)]
    others = [topic for passage in passages if passage.n not in cited for topic in _topics(passage.chunk)]
    return _questions((topic for topic in inside + others if topic.heading not in told), MAX_SUGGESTIONS)


def questions_about(chunks: Sequence[Chunk], most: int) -> tuple[str, ...]:
    """Up to `most` questions that these chunks answer, in their order."""
    return _questions((topic for chunk in chunks for topic in _topics(chunk)), most)


def _topics(chunk: Chunk) -> Iterator[_Topic]:
    """What the chunk's sections tell of; neither the page's own title nor a heading that names no subject."""
    stops = [section.start for section in chunk.sections[1:]] + [chunk.end]
    for section, stop in zip(chunk.sections, stops, strict=True):
        heading = section.heading_path[-1] if len(section.heading_path) > 1 else ""
        has_prose = any(block.kind in _PROSE for block in section.blocks)
        if heading and has_prose and not is_generic(heading) and not is_announcing(heading):
            yield _Topic(heading, chunk.text[max(section.start, chunk.start) - chunk.start : stop - chunk.start])


def _questions(topics: Iterator[_Topic], most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_ask(topic) for topic in topics))[:most]


def _ask(topic: _Topic) -> str:
    """The heading as a question: itself, or by the book's own "X is" or "X are", or for what it says in all."""
    name = _NUMBERING.sub("", topic.heading).strip() or topic.heading
    if name.endswith(_ENDS_ASKING):
        return name
    said = re.search(rf"(?<!\w){re.escape(name)}(?:\s\([^()\n]{{1,40}}\))?\s(is|are)\s", topic.text, re.IGNORECASE)
    return f"What {said[1].lower()} {name}?" if said else f"What does the book say about “{name}”?"

"""What a reader may ask, as questions about the book's own headings. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from server.finding.passages import Passage
from shared.language.topics import Topic, topics_of
from shared.models import Chunk

MAX_SUGGESTIONS = 3


def suggest(passages: Sequence[Passage], cited: Collection[int]) -> tuple[str, ...]:
    """Where to go on from an answer: up to three questions about sections near it that it did not cite.

    First those inside what was cited, then those of the other passages.
    """
    told = {passage.heading_path[-1] for passage in passages if passage.n in cited and passage.heading_path}
    inside = [topic for passage in passages if passage.n in cited for topic in topics_of(passage.chunk)]
    others = [topic for passage in passages if passage.n not in cited for topic in topics_of(passage.chunk)]
    return _questions((topic for topic in inside + others if topic.heading not in told), MAX_SUGGESTIONS)


def questions_about(chunks: Sequence[Chunk], most: int) -> tuple[str, ...]:
    """Up to `most` questions that these chunks answer, in their order."""
    return _questions((topic for chunk in chunks for topic in topics_of(chunk)), most)


def _questions(topics: Iterator[Topic], most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_ask(topic) for topic in topics))[:most]


def _ask(topic: Topic) -> str:
    """The heading as a question: itself, or by the book's own "X is" or "X are", or for what it says in all."""
    if topic.asks:
        return topic.name
    name = re.escape(topic.name)
    said = re.search(rf"(?<!\w){name}(?:\s\([^()\n]{{1,40}}\))?\s(is|are)\s", topic.text, re.IGNORECASE)
    return f"What {said[1].lower()} {topic.name}?" if said else f"What does the book say about “{topic.name}”?"

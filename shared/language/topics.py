"""What the sections of a chunk tell of, by their headings; and which headings name no subject. Pure.

The names that say nothing are English: in another language every heading is taken for a subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from shared.models import Chunk

_NUMBERING = re.compile(r"^(?:[^\W\d]+\s)?\d[\d.]*\s*[.:)–—-]?\s+|^\W+")
"""`3.2 `, `Chapter 6: `, and pictures in front of a heading."""
_ENDS_ASKING = ("?", "؟", "？")
_PROSE = frozenset(("paragraph", "list_item"))
_ANNOUNCING = re.compile(
    r"""[\W\d_]*+(?:
        (?:what\ )?you(?:['’]ll|\ will)?\ learn(?:\ (?:here|in\ this\ \w+))?
      | (?:learning|chapter|lesson|course)\ (?:objectives?|outcomes?|goals?)|objectives
      | knowledge\ check|quiz(?:zes)?|self.?(?:assessment|study)|homework|assignments?
      | (?:(?:conceptual|review|discussion|practice|practical|advanced|coding|programming|hands.?on|and|&)\W)*
        (?:questions|exercises?|problems)
      | (?:further|additional|recommended)\ reading|(?:(?:references|citations)(?:\ (?:and|&)\ )?)+|bibliography
      | (?:table\ of\ )?contents|next\ steps|what['’]s\ next
    )[\W_]*""",
    re.IGNORECASE | re.VERBOSE,
)
"""English names of sections and pages that say what will be learned, asked or read."""
_GENERIC = re.compile(
    r"(?:introduction|overview|summary|conclusions?|recap|exercises?|next steps|references|further reading|prerequisites|quiz"
    r"|knowledge check|what you.ll learn|(?:learning )?objectives|key takeaways|table of contents|resources|faq"
    r"|best practices)\b.*",
    re.IGNORECASE,
)


class Topic(NamedTuple):
    """A heading with prose below it, and the prose."""

    heading: str
    text: str

    @property
    def name(self) -> str:
        """The heading without its number."""
        return _NUMBERING.sub("", self.heading).strip() or self.heading

    @property
    def asks(self) -> bool:
        """Whether the heading is a question itself."""
        return self.name.endswith(_ENDS_ASKING)


def topics_of(chunk: Chunk) -> Iterator[Topic]:
    """What the chunk's sections tell of; neither the page's own title nor a heading that names no subject."""
    stops = [section.start for section in chunk.sections[1:]] + [chunk.end]
    for section, stop in zip(chunk.sections, stops, strict=True):
        heading = section.heading_path[-1] if len(section.heading_path) > 1 else ""
        has_prose = any(block.kind in _PROSE for block in section.blocks)
        if heading and has_prose and not is_generic(heading) and not is_announcing(heading):
            yield Topic(heading, chunk.text[max(section.start, chunk.start) - chunk.start : stop - chunk.start])


def is_announcing(heading: str) -> bool:
    """Whether a section of this name says what will be learned, asked or read, and not the thing itself."""
    return bool(_ANNOUNCING.fullmatch(heading))


def is_generic(heading: str) -> bool:
    """Whether a heading of this name says nothing of what stands below it."""
    return bool(_GENERIC.fullmatch(heading))

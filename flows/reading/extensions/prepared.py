"""A page as plain Markdown, and what was set aside to make it that."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.models import Problem

STAND_IN = "___"
"""The line that holds the place of an `Aside`: a rule ends the paragraph or list above it, as what it stands for did."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Lines the Markdown no longer holds, and what a reader sees of them; in the first of them is a `STAND_IN`."""

    line: int
    """0-based first line."""
    end_line: int
    """0-based, exclusive."""
    text: str = ""
    partial: str | None = None
    """Path, as imported, of the file whose text stands here: `import X from './_x.mdx'`, then `<X/>`."""


@dataclass(slots=True)
class Prepared:
    """Markdown without what Markdown does not know."""

    lines: list[str]
    asides: list[Aside]
    regions: list[tuple[int, int]]
    """Lines (0-based, end exclusive) of each element and admonition: a heading inside one does not reach beyond it."""
    marked: list[int]
    """Lines, in order, that begin with a character that may mark something."""
    mdx: bool
    """Whether MDX's rules apply: no indented code, no HTML blocks."""
    problems: list[Problem] = field(default_factory=list[Problem])

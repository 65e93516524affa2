"""A page as plain Markdown, and what was set aside to make it that."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.models import Problem

STAND_IN = "___"
"""The line that holds the place of an `Aside`: a rule ends the paragraph or list above it, as what it stands for did."""


@dataclass(frozen=True, slots=True)
class Include:
    """Another file whose text stands in the page."""

    written: str
    """As the page has it."""
    target: str
    """Path, as written there."""
    select: tuple[str, ...] = ()
    """What of the file: `("lines", first, last)`, `("region", name)`, `("between", start, end)`; all of it when empty."""
    language: str | None = None
    """Of the code that the text is; None: it is Markdown."""
    what: str = "include"
    """Or `imported`: by an MDX statement."""

    def left_out(self, reason: str) -> str:
        """A sentence that says so."""
        named = repr(self.target) if self.what == "imported" else ""
        return f"imported {named} left out: {reason}" if named else f"include left out: {self.written!r}; {reason}"


@dataclass(frozen=True, slots=True)
class Aside:
    """Lines the Markdown no longer holds, and what a reader sees of them; in the first of them is a `STAND_IN`."""

    line: int
    """0-based first line."""
    end_line: int
    """0-based, exclusive."""
    text: str = ""
    partial: Include | None = None
    """The file whose text stands here: `import X from './_x.mdx'`, then `<X/>`; `{{#include x.md}}`."""


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
    templates: dict[str, str] = field(default_factory=dict[str, str])
    """What was put in the place of each template tag."""
    insertions: dict[int, Include] = field(default_factory=dict[int, Include])
    """Lines of fenced code, empty now, in whose place a file's text stands."""

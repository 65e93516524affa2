"""What became of one file: its chunks, or why it has none."""

from __future__ import annotations

from shared.models import Chunk, Frozen, Problem

NO_TEXT = "it holds no text"


class Page(Frozen):
    """What became of one file."""

    path: str
    chunks: tuple[Chunk, ...] = ()
    problems: tuple[Problem, ...] = ()
    position: float | None = None
    """Among its neighbours in the sidebar; None: behind those that have one."""
    left_out: str | None = None
    """Why the page is not part of the book (draft, unlisted, a partial, `NO_TEXT`); None for an ordinary page."""


def failed_page(path: str, reason: str, *, line: int | None = None) -> Page:
    """A page that is missing from the index because of `reason`."""
    return Page(path=path, problems=(Problem(path=path, line=line, reason=reason, skipped=True),))

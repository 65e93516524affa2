"""What an ingest and its reading processes say to each other."""

from __future__ import annotations

from pathlib import Path

from flows.source.files import BookSource
from shared.models import Chunk, Frozen, Problem, Site


class ReadingRules(Frozen):
    """How the pages of one book are read."""

    root: Path
    boundary: Path
    vocabulary: Path
    """Folder of the tokenizer's vocabulary."""
    site: Site
    collection: str
    max_tokens: int
    page_limit_s: float = 10.0
    """Processor time that reading one page may take; the longest chapter measured takes 0.3 s."""

    @property
    def source(self) -> BookSource:
        """Where the files are."""
        return BookSource(self.root, self.boundary, str(self.root))


class Ready(Frozen):
    """The reading process has started."""

    exact_tokens: bool
    """False: the vocabulary is missing and tokens are estimated."""


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

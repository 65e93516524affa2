"""What an ingest and its reading processes say to each other."""

from __future__ import annotations

from pathlib import Path

from flows.source.files import BookSource
from shared.models import Frozen, Site


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

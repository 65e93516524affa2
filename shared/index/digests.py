"""Names of what is stored: equal digests mean equal records."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from shared.models import Chunk


def by_page(chunks: Iterable[Chunk]) -> dict[str, list[Chunk]]:
    """{path: chunks of that page in order}."""
    pages: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in sorted(chunks, key=lambda chunk: chunk.position):
        pages[chunk.path].append(chunk)
    return pages


def page_digest(chunks: Sequence[Chunk]) -> str:
    """sha256 hex over the records of one page, in order."""
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(chunk.model_dump_json().encode())
        total.update(b"\n")
    return total.hexdigest()


def book_digest(pages: Mapping[str, str]) -> str:
    """sha256 hex over the digests of all pages, {path: digest}."""
    total = hashlib.sha256()
    for path, digest in sorted(pages.items()):
        total.update(f"{digest} {path}\n".encode())
    return total.hexdigest()

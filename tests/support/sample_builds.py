"""Builds small enough to work out by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from shared.models import Build, Chunk, ChunkBlock, Section

DIMENSIONS = 4
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def make_chunks(pages: Mapping[str, Sequence[str]]) -> list[Chunk]:
    """One chunk per text, in order of pages and texts."""
    return [_make_chunk(path, position, text) for path, texts in pages.items() for position, text in enumerate(texts)]


def make_build(chunks: Sequence[Chunk], *, hour: int = 0, dimensions: int | None = DIMENSIONS, suffix: str = "0a") -> Build:
    """The build of these chunks, begun `hour` hours after the beginning."""
    created = BEGINNING + timedelta(hours=hour)
    return Build(
        id=f"{created:%Y%m%dT%H%M%SZ}-{suffix}",
        created_at=created,
        fingerprint="f",
        embedding_model="hand-made" if dimensions else None,
        dimensions=dimensions,
        digest=hashlib.sha256("".join(chunk.id for chunk in chunks).encode()).hexdigest(),
        documents=len({chunk.path for chunk in chunks}),
        chunks=len(chunks),
        source="book",
    )


def make_vectors(chunks: Sequence[Chunk], dimensions: int = DIMENSIONS) -> list[list[float]]:
    """A unit vector per chunk, along the axis of its place in the list."""
    return [[1.0 if axis == place % dimensions else 0.0 for axis in range(dimensions)] for place in range(len(chunks))]


def _make_chunk(path: str, position: int, text: str) -> Chunk:
    content_hash = hashlib.sha256(text.encode()).hexdigest()
    block = ChunkBlock("paragraph", 0, len(text), 0, len(text))
    return Chunk(
        id=str(uuid5(NAMESPACE_URL, f"{path} {position} {content_hash}")),
        path=path,
        title=path,
        position=position,
        start=0,
        end=len(text),
        start_line=1,
        end_line=1,
        heading_path=("Robots",),
        anchor="robots",
        url=f"/docs/{path}#robots",
        sections=(Section(start=0, heading_path=("Robots",), anchor="robots", url=f"/docs/{path}#robots", blocks=(block,)),),
        tokens=len(text.split()),
        text=text,
        content=text,
        body_start=0,
        content_hash=content_hash,
    )

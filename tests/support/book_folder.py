"""A book of three files on disk, the settings that read it, and what an ingest of it left in the index."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.pipeline import Outcome, ingest
from shared.index.open_index import open_index
from shared.models import Chunk
from shared.settings import Settings

PAGES = {
    "intro.md": "# Robots\n\nA robot senses, plans and acts.\n\n```python\n# Not a heading\n```\n",
    "arms.md": (
        "# Arms\n\nAn arm is a chain of links.\n\n"
        "## Inverse kinematics\n\nInverse kinematics finds the angles of the joints that bring the hand to a place.\n"
    ),
    "part/legs.mdx": (
        "---\ntitle: Legs\n---\n\nimport Figure from './figure'\n\n## Gait\n\n<Figure>\n\nA gait repeats.\n\n</Figure>\n"
    ),
}


def write_book(folder: Path, pages: Mapping[str, str] = PAGES) -> Path:
    """`folder`, with these pages written into it."""
    for path, text in pages.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def settings_for(book: Path, data_dir: Path, **settings: Any) -> Settings:
    """Settings that read `book` into `data_dir`."""
    return Settings(book_source=str(book), data_dir=data_dir, **settings)


async def ingest_book(settings: Settings, *, full: bool = False) -> Outcome:
    """One ingest, as the command line runs it."""
    return await ingest(settings, full=full)


async def live_chunks(settings: Settings) -> dict[str, Chunk]:
    """Chunks of the live build by id."""
    index = open_index(settings)
    try:
        return await index.records()
    finally:
        await index.aclose()

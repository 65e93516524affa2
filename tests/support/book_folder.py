"""A book of three files on disk and a large one, the settings that read it, and what an ingest of it left in the index."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random
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


WORDS = ("robot", "arm", "joint", "torque", "sensor", "gait", "wheel", "camera", "lidar", "map", "path", "motor", "gear")


def large_book(folder: Path, pages: int, *, sections: int = 4, seed: int = 14) -> Path:
    """A book of so many pages for MkDocs: navigation, snippets that pages include, texts and headings that pages share, and
    pages that are empty, are no UTF-8 or are left out of the site."""
    chance = Random(seed)

    def sentence() -> str:
        return " ".join(chance.choices(WORDS, k=12)).capitalize() + "."

    def section(n: int) -> str:
        return f"## {' '.join(chance.choices(WORDS, k=2))} {n}\n\n" + " ".join(sentence() for _ in range(14)) + "\n"

    written: dict[str, str] = {
        "mkdocs.yml": "site_name: Robots\nmarkdown_extensions:\n  - pymdownx.snippets:\n      base_path: snippets\n",
        **{f"snippets/part-{n}.md": f"What every page says, {n}: {sentence()}\n" for n in range(3)},
    }
    for n in range(pages):
        included = f'--8<-- "part-{n % 3}.md"\n\n' if n % 4 == 0 else ""
        linked = f"See [the next one](page-{(n + 1) % pages}.md#joints).\n\n## Joints\n\nAll pages have joints.\n\n"
        body = "".join(section(k) for k in range(chance.randint(1, 2 * sections - 1)))
        written[f"docs/part-{n % 7}/page-{n}.md"] = f"# Page {n}\n\n{included}{linked}{body}"
    written["docs/part-0/page-0.md"] = "\n"
    write_book(folder, written)
    (folder / "docs/part-1/page-1.md").write_bytes(b"# Not UTF-8 \xff\n")
    return folder / "docs"


async def everything_in(settings: Settings) -> tuple[str, int, dict[str, Chunk], dict[str, list[float]]]:
    """Digest and documents of the live build, every record by id, every vector by the hash of its text."""
    index = open_index(settings)
    try:
        live, records = await index.live(), await index.records()
        assert live is not None
        vectors = await index.vectors({chunk.content_hash for chunk in records.values()})
        return live.digest, live.documents, records, vectors
    finally:
        await index.aclose()


def environment(settings: Settings, names: Collection[str]) -> dict[str, str]:
    """These settings as a process takes them."""
    return {name.upper(): str(getattr(settings, name)) for name in names} | {"EMBEDDING_API_KEY": "key"}

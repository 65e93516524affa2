"""Pages to address, made from a text, and a built site to check them against."""

from __future__ import annotations

from pathlib import Path

from flows.reading.document import Document
from flows.reading.parse import parse
from flows.sites.site import add_addresses
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from shared.models import Chunk, Site

BOOK_SITE = Site(kind="docusaurus", url="https://example.github.io", base="/my-book/")


def page(text: str, path: str = "a.md") -> Document:
    return parse(SourceFile(path, text))


def anchors(text: str, site: Site, path: str = "a.md") -> list[str | None]:
    return [heading.anchor for heading in add_addresses(page(text, path), site).headings]


def address(path: str, site: Site, text: str = "x") -> str:
    return add_addresses(page(text, path), site).url


def chunks_of(text: str, path: str = "guide.md", site: Site = BOOK_SITE) -> list[Chunk]:
    return split(
        add_addresses(page(text, path), site), limits=ChunkLimits(), count=lambda text: len(text) // 4 + 1, collection="book"
    )


def write_page(built: Path, name: str, *ids: str) -> None:
    file = built / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("<h1>Page</h1>" + "".join(f'<h2 id="{each}">A</h2>' for each in ids), encoding="utf-8")

"""A page of the index as one Markdown text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.models import Chunk


class PageText(NamedTuple):
    """A page as a program reads it."""

    path: str
    title: str
    url: str
    """Its address, without an anchor."""
    markdown: str
    """Its title, its address, and its source as it was indexed."""


def address_of_page(chunk: Chunk) -> str:
    """Where the page is that the chunk is of."""
    return chunk.url.partition("#")[0]


def page_text(chunks: Sequence[Chunk]) -> PageText:
    """The page whose chunks these are, in order, at least one. What is in no chunk (imports, front matter) is left out."""
    first = chunks[0]
    title, source = _titled(first.title, "".join(_pieces(chunks)).strip("\n"))
    markdown = "\n\n".join(part for part in (title, f"Source: {address_of_page(first)}", source) if part) + "\n"
    return PageText(first.path, first.title, address_of_page(first), markdown)


def _titled(title: str, source: str) -> tuple[str, str]:
    """The first heading and what follows it: the page's own where it begins with one, else its title."""
    line, _, rest = source.partition("\n")
    return (line, rest.lstrip("\n")) if line.startswith("# ") else (f"# {title}", source)


def _pieces(chunks: Sequence[Chunk]) -> Iterator[str]:
    end = chunks[0].start
    for chunk in chunks:
        yield ("\n\n" if chunk.start > end else "") + chunk.text
        end = chunk.end

"""Where a page and its headings are on the published site: pure functions of the file and of how its site is generated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from flows.reading.document import Document
from flows.sites.generators import docusaurus, mdbook, mkdocs, plain
from shared.models import Site


@dataclass(frozen=True, slots=True)
class Generator:
    """What one kind of site makes of a page."""

    page_address: Callable[[Document, Site], str | None]
    """Path of the page on the site, from the base on; None for a file it makes no page of."""
    anchors: Callable[[Document, Site], list[str | None]]
    """One id per heading, in order; None for a heading without."""


GENERATORS: Mapping[str, Generator] = {
    "docusaurus": Generator(docusaurus.page_address, docusaurus.anchors),
    "mkdocs": Generator(mkdocs.page_address, mkdocs.anchors),
    "mdbook": Generator(mdbook.page_address, mdbook.anchors),
    "plain": Generator(plain.page_address, plain.anchors),
}


def add_addresses(document: Document, site: Site) -> Document:
    """`document` with its address and every heading's anchor; with `skip` set where the site has no page for it.

    The address is percent-encoded; anchors are the ids as they stand in the page.
    """
    generator = GENERATORS[site.kind]
    address = generator.page_address(document, site)
    if address is None:
        return replace(document, skip=document.skip or "no page of the site")
    ids = generator.anchors(document, site)
    headings = tuple(replace(heading, anchor=anchor) for heading, anchor in zip(document.headings, ids, strict=True))
    return replace(document, url=site.url + address, headings=headings)

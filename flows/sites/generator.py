"""What there is to know of a site generator. Each is one of these; `site.py` lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.reading.document import Document
from flows.reading.page import Page
from flows.sites.site_files import SiteFiles
from shared.models import Site

SortKey = list[tuple[int, float, str]]
"""What a page is sorted by: rank, position and name of each folder down to it, and of itself."""


def no_config(files: SiteFiles, site: Site) -> Site:  # noqa: ARG001  of a generator without a configuration
    """`site` as it is given."""
    return site


def no_file(files: SiteFiles) -> None:
    """None."""


def one_version(document: Document, site: Site) -> str:  # noqa: ARG001  of a generator that knows no versions
    """''."""
    return ""


def no_position(document: Document) -> float | None:  # noqa: ARG001  of a generator whose pages do not say where they stand
    """None."""
    return None


def by_path(pages: Sequence[Page], site: Site, files: SiteFiles) -> Callable[[Page], SortKey]:  # noqa: ARG001  of other books
    """Pages by their paths."""
    return lambda page: [(0, 0.0, page.path)]


@dataclass(frozen=True, slots=True)
class SiteGenerator:
    """What one kind of site makes of a book."""

    page_address: Callable[[Document, Site], str | None]
    """Path of the page on the site, from the base on; None for a file it makes no page of."""
    anchors: Callable[[Document, Site], list[str | None]]
    """One id per heading, in order; None for a heading without."""
    read_config: Callable[[SiteFiles, Site], Site] = no_config
    """`site` with what the configuration adds. Raises `BookError`."""
    named_by: Callable[[SiteFiles], Path | None] = no_file
    """The file that says that this generator builds the book; None where there is none."""
    version: Callable[[Document, Site], str] = one_version
    """Name of the version the page is of; '' for the one that the site shows unasked."""
    position: Callable[[Document], float | None] = no_position
    """Where the page says it stands among its neighbours; None: behind those that say so."""
    sort_key: Callable[[Sequence[Page], Site, SiteFiles], Callable[[Page], SortKey]] = by_path
    """What sorts the book's pages as its sidebar does, given all of them; those a configuration names stand before others."""

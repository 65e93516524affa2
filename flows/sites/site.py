"""The published site: what its configuration says, where its pages and headings are, in which order a reader meets them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from flows.reading.document import Document
from flows.reading.page import Page
from flows.sites.generator import SiteGenerator
from flows.sites.generators import hugo, jekyll, mdbook, nextra, plain, sphinx, starlight, vitepress
from flows.sites.generators.docusaurus import addresses as docusaurus
from flows.sites.generators.docusaurus.config import find_docusaurus_config, read_docusaurus_config
from flows.sites.generators.docusaurus.sidebar import sidebar_order, sidebar_position
from flows.sites.generators.mkdocs import addresses as mkdocs
from flows.sites.generators.mkdocs.config import find_mkdocs_config, read_mkdocs_config
from flows.sites.site_files import SiteFiles, repository_of
from shared.models import Site, SiteKind

GENERATORS: Mapping[str, SiteGenerator] = {
    "docusaurus": SiteGenerator(
        docusaurus.page_address,
        docusaurus.anchors,
        read_docusaurus_config,
        find_docusaurus_config,
        docusaurus.page_version,
        sidebar_position,
        sidebar_order,
    ),
    "mkdocs": SiteGenerator(
        mkdocs.page_address, mkdocs.anchors, read_mkdocs_config, find_mkdocs_config, sort_key=mkdocs.files_order
    ),
    "mdbook": SiteGenerator(mdbook.page_address, mdbook.anchors, mdbook.read_mdbook_config, mdbook.find_mdbook_config),
    "vitepress": SiteGenerator(
        vitepress.page_address, vitepress.anchors, vitepress.read_vitepress_config, vitepress.find_vitepress_config
    ),
    "starlight": SiteGenerator(
        starlight.page_address, starlight.anchors, starlight.read_starlight_config, starlight.find_starlight_config
    ),
    "nextra": SiteGenerator(
        nextra.page_address,
        nextra.anchors,
        nextra.read_nextra_config,
        nextra.find_nextra_config,
        sort_key=nextra.meta_order,
    ),
    "sphinx": SiteGenerator(sphinx.page_address, sphinx.anchors, sphinx.read_sphinx_config, sphinx.find_sphinx_config),
    "hugo": SiteGenerator(hugo.page_address, hugo.anchors, hugo.read_hugo_config, hugo.find_hugo_config),
    "jekyll": SiteGenerator(jekyll.page_address, jekyll.anchors, jekyll.read_jekyll_config, jekyll.find_jekyll_config),
    "plain": SiteGenerator(plain.page_address, plain.anchors),
}
"""By `Site.kind`; the first that a file of the book names is what `auto` means."""
UNNAMED: SiteKind = "docusaurus"
"""What `auto` means where no file names a generator."""
LEVELS_UP = 3
"""Folders above a book in no repository in which its site may be configured: `src/content/docs`."""


def read_site_config(book: Path, site: Site, *, boundary: Path | None = None) -> Site:
    """`site` with what the generator's configuration in or around `book` adds; `auto` becomes the generator that it names.

    `boundary`: no file outside it is read, wherever a symbolic link points; None: the git repository around `book`, else three
    folders up. Raises `BookError` when a configuration cannot be read.
    """
    above = book.resolve().parents
    files = SiteFiles.of(book, boundary or repository_of(book) or above[min(LEVELS_UP, len(above)) - 1])
    return GENERATORS[site.kind].read_config(files, site) if site.kind != "auto" else _guessed(files, site)


def _guessed(files: SiteFiles, site: Site) -> Site:
    """The site of the generator that a file names, and a note that says so."""
    for kind, generator in GENERATORS.items():
        if (file := generator.named_by(files)) is not None:
            note = f"SITE_KIND is taken for {kind}, as {os.path.relpath(file, files.book)} says"
            return generator.read_config(files, site.model_copy(update={"kind": kind, "notes": (note,)}))
    note = f"SITE_KIND is taken for {UNNAMED}: no file beside the book names a site generator"
    return GENERATORS[UNNAMED].read_config(files, site.model_copy(update={"kind": UNNAMED, "notes": (note,)}))


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
    version = generator.version(document, site)
    title = f"{document.title} ({version})" if version else document.title
    return replace(document, title=title, version=version, url=site.url + address, headings=headings)


def page_position(document: Document, site: Site) -> float | None:
    """Where the page says it stands among its neighbours; None where it does not."""
    return GENERATORS[site.kind].position(document)


def in_reading_order(pages: Sequence[Page], site: Site, book: Path, boundary: Path) -> list[Page]:
    """`pages` as the site's sidebar has them; those that `site.chapters` names come first, as it names them.

    `book` is their folder; what orders them is read from files inside `boundary` only.
    """
    named = {str(PurePosixPath(site.folder, chapter)): number for number, chapter in enumerate(site.chapters)}
    key = GENERATORS[site.kind].sort_key(pages, site, SiteFiles.of(book, boundary))
    return sorted(pages, key=lambda page: (named.get(page.path, len(named)), key(page)))

"""A book of which one page is edited: the live build's pages, and that page as it was sent or as the source has it.

What the next ingest publishes is what the source holds. So the source is looked at each time, to tell whether it will leave
the edited page as it is.
"""

from __future__ import annotations

import asyncio

from flows.book import Book, Find, find_book, reading_rules
from flows.processes.pool import Readers, open_readers
from flows.progress import Tracker
from flows.reading.page import Page
from flows.source.files import Listing
from flows.source.globs import FileSelection
from shared.errors import BookError
from shared.index.open_index import fingerprint
from shared.index.port import Base, Index
from shared.ingest_runs import PageEdit
from shared.settings import Settings


async def read_edited_book(
    settings: Settings, edit: PageEdit, index: Index, *, tracker: Tracker, find: Find = find_book
) -> Book:
    """The edited page, and the live build whose other pages stay.

    Raises `BookError` when no build is live, when it was made with other settings, or when the page cannot be read; and as
    `read_book` does.
    """
    base = await _live(index, settings)
    with tracker.step("find", unit="files") as advance:
        source, listing = await find(settings)
        _check_path(edit, settings, listing)
        advance(1)
    with tracker.step("read", total=1, unit="files") as advance:
        rules = await asyncio.to_thread(reading_rules, settings, source)
        async with open_readers(rules, 1) as readers:
            page = await _edited(edit, readers)
            kept = page == await _in_source(edit.path, readers, listing)
            exact_tokens = readers.exact_tokens
        advance(1)
    others = frozenset(base.pages) - {edit.path}
    if not page.chunks and not others:
        raise BookError(f"Without {edit.path!r} no page would be left.")
    return Book(
        source=source,
        pages=(page,),
        chunks=page.chunks,
        problems=page.problems,
        exact_tokens=exact_tokens,
        site=rules.site,
        base=base,
        unread=others,
        kept_by_next_ingest=kept,
    )


async def _live(index: Index, settings: Settings) -> Base:
    live = await index.live()
    if live is None:
        raise BookError("No book is indexed yet: a page can be edited once one is.")
    if live.fingerprint != fingerprint(settings):
        raise BookError("The live build was made with other settings: ingest the whole book first.")
    pages = await index.pages()
    if live.chunks and not pages:
        raise BookError("The live build has lost chunks: ingest the whole book first.")
    return Base(live, pages)


def _check_path(edit: PageEdit, settings: Settings, listing: Listing) -> None:
    if not FileSelection(settings.book_include, settings.book_exclude).takes(edit.path):
        raise BookError(f"{edit.path!r} is no page of the book: BOOK_INCLUDE and BOOK_EXCLUDE leave it out.")
    if edit.action == "read" and edit.path not in listing.paths:
        raise BookError(f"There is no page {edit.path!r} in the book.")


async def _edited(edit: PageEdit, readers: Readers) -> Page:
    """The page as it is to be; without chunks where it is to be removed. Raises `BookError` when it is none."""
    if edit.action == "remove":
        return Page(path=edit.path)
    page = await readers.read_one(edit.path, edit.markdown)
    skipped = next((problem.reason for problem in page.problems if problem.skipped), page.left_out)
    if skipped is not None:
        raise BookError(f"{edit.path!r} cannot be indexed: {skipped}.")
    return page


async def _in_source(path: str, readers: Readers, listing: Listing) -> Page:
    """What an ingest would make of that file now, as far as it is indexed."""
    page = await readers.read_one(path) if path in listing.paths else Page(path=path)
    return page if page.chunks else Page(path=path)

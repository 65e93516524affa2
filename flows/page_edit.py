"""A book of which one page is edited: the live build's pages, and that page as it was sent or as the source has it.

What the next ingest publishes is what the source holds. So the source is looked at each time, to tell whether it will leave
the edited page as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from flows.book import Book, Find, find_book, reading_rules
from flows.processes.pool import Readers, open_readers
from flows.progress import Tracker
from flows.reading.page import Page
from flows.source.files import Listing
from flows.source.globs import FileSelection
from shared.errors import BookError
from shared.index.open_index import fingerprint, open_index
from shared.ingest_runs import PageEdit
from shared.models import Build, Chunk
from shared.settings import Settings


async def read_edited_book(settings: Settings, edit: PageEdit, *, tracker: Tracker, find: Find = find_book) -> Book:
    """The live build's chunks with those of the edited page in the place of its old ones.

    Raises `BookError` when no build is live, when it was made with other settings, or when the page cannot be read; and as
    `read_book` does.
    """
    live, records = await _live(settings)
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
    chunks = _put_in(page, records)
    if not chunks:
        raise BookError(f"Without {edit.path!r} no page would be left.")
    return Book(
        source=source,
        pages=(page,),
        chunks=chunks,
        problems=page.problems,
        exact_tokens=exact_tokens,
        site=rules.site,
        edit_of=live.id,
        kept_by_next_ingest=kept,
    )


async def _live(settings: Settings) -> tuple[Build, Sequence[Chunk]]:
    index = open_index(settings)
    try:
        live, records = await index.live(), await index.records()
    finally:
        await index.aclose()
    if live is None:
        raise BookError("No book is indexed yet: a page can be edited once one is.")
    if live.fingerprint != fingerprint(settings):
        raise BookError("The live build was made with other settings: ingest the whole book first.")
    return live, list(records.values())


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


def _put_in(page: Page, records: Sequence[Chunk]) -> tuple[Chunk, ...]:
    first = next((at for at, chunk in enumerate(records) if chunk.path == page.path), len(records))
    before, after = ([chunk for chunk in part if chunk.path != page.path] for part in (records[:first], records[first:]))
    return (*before, *page.chunks, *after)

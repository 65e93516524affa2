"""The first two steps of an ingest: find the book's files and read them into chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flows.processes.messages import ReadingRules
from flows.processes.pool import Readers, open_readers, processes_for
from flows.progress import Tracker
from flows.reading.page import NO_TEXT, Page
from flows.report import describe_problem
from flows.sites.sidebar import in_reading_order, read_category_positions
from flows.sites.site_config import read_site_config
from flows.source.files import BookSource, Listing, find_files, open_source
from flows.source.globs import FileSelection
from flows.steps import Runner
from flows.vocabulary import find_vocabulary
from shared.errors import BookError
from shared.models import Chunk, Problem, Site
from shared.retry import Patience, retry
from shared.settings import Settings

BATCH_FILES = 64
"""Files read in one task: a Prefect task costs 5-30 ms, a file about 10."""
FETCH = Patience(attempts=3, first_wait_s=1.0, longest_wait_s=10.0)
"""For git, when the network fails."""


@dataclass(frozen=True, slots=True)
class Book:
    """The book as it is on disk now."""

    source: BookSource
    pages: tuple[Page, ...]
    """In the order of the site's sidebar."""
    chunks: tuple[Chunk, ...]
    """By page, then position."""
    problems: tuple[Problem, ...]
    exact_tokens: bool
    site: Site
    """The book's own configuration included."""


async def read_book(settings: Settings, *, run: Runner, tracker: Tracker) -> Book:
    """Find and read the book at `settings.book_source`.

    Raises `BookError` when the book is not there or holds nothing to index, `ServiceError` when git fails.
    """
    with tracker.step("find", unit="files") as advance:
        source, listing = await run(
            "find", "find the book's files", lambda: _find(settings), lambda found: _remarks(found[1].problems)
        )
        advance(len(listing.paths))
    with tracker.step("read", total=len(listing.paths), unit="files") as advance:
        rules = await asyncio.to_thread(_rules, settings, source)
        async with open_readers(rules, processes_for(listing.size_bytes)) as readers:
            read = await _read(readers, listing.paths, run, advance)
            exact_tokens = readers.exact_tokens
        pages = await asyncio.to_thread(_in_order, read, rules)
    chunks = tuple(chunk for page in pages for chunk in page.chunks)
    problems = (*listing.problems, *(problem for page in pages for problem in page.problems))
    if not chunks:
        raise _nothing_to_index(source, pages, problems)
    return Book(source, pages, chunks, problems, exact_tokens, rules.site)


async def _find(settings: Settings) -> tuple[BookSource, Listing]:
    async def fetch() -> BookSource:
        return await asyncio.to_thread(open_source, settings.book_source, data_dir=settings.data_dir)

    source = await retry(fetch, FETCH)
    selection = FileSelection(settings.book_include, settings.book_exclude)
    return source, await asyncio.to_thread(find_files, source, selection)


def _rules(settings: Settings, source: BookSource) -> ReadingRules:
    return ReadingRules(
        root=source.root,
        boundary=source.boundary,
        vocabulary=find_vocabulary(settings.data_dir),
        site=read_site_config(source.root, settings.site, boundary=source.boundary if source.revision else None),
        collection=settings.collection,
        max_tokens=settings.chunk_tokens,
    )


def _in_order(pages: Sequence[Page], rules: ReadingRules) -> tuple[Page, ...]:
    return tuple(in_reading_order(pages, rules.site, read_category_positions(rules.root, pages, rules.boundary)))


async def _read(readers: Readers, paths: Sequence[str], run: Runner, advance: Callable[[int], None]) -> tuple[Page, ...]:
    pages: list[Page] = []
    for start in range(0, len(paths), BATCH_FILES):
        batch = paths[start : start + BATCH_FILES]
        label = f"read files {start + 1} to {start + len(batch)} of {len(paths)}: {batch[0]} to {batch[-1]}"

        async def read(batch: Sequence[str] = batch, start: int = start) -> Sequence[Page]:
            return await readers.read(batch, lambda done: advance(start + done))

        pages += await run("read", label, read, lambda read: _remarks([each for page in read for each in page.problems]))
    return tuple(pages)


def _remarks(problems: Sequence[Problem]) -> list[str]:
    return [describe_problem(problem) for problem in problems]


def _nothing_to_index(source: BookSource, pages: Sequence[Page], problems: Sequence[Problem]) -> BookError:
    skipped = [problem for problem in problems if problem.skipped]
    if skipped:
        return BookError(f"Nothing in {source.name!r} can be indexed: {skipped[0].path!r}: {skipped[0].reason}.")
    left_out = next((page for page in pages if page.left_out not in {None, NO_TEXT}), None)
    if left_out:
        return BookError(f"Nothing in {source.name!r} is to be indexed: {left_out.path!r}: {left_out.left_out}.")
    return BookError(f"The {len(pages)} files of {source.name!r} hold no text.")

"""The first two steps of an ingest: find the book's files and read them into chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from flows.processes.messages import ReadingRules
from flows.processes.page_cache import PageCache
from flows.processes.pool import Readers, open_readers, processes_for
from flows.progress import Tracker
from flows.reading.page import NO_TEXT, Page
from flows.sites.site import GENERATORS, in_reading_order, read_site_config
from flows.sites.site_files import SiteFiles, repository_of
from flows.source.files import BookSource, Listing, find_files, open_source
from flows.source.globs import FileSelection
from flows.vocabulary import find_vocabulary
from shared import tracing
from shared.errors import BookError
from shared.index.digests import by_page
from shared.index.port import Base, Index, LivePage
from shared.models import Chunk, Problem, Site
from shared.retry import Patience, retry
from shared.settings import Settings
from shared.tokens import has_vocabulary

BATCH_FILES = 64
"""Files read in one task: a Prefect task costs 5-30 ms, a file about 10."""
MAX_NAMED = 10
"""Pages and problems named of a book without text."""
FETCH = Patience(attempts=3, first_wait_s=1.0, longest_wait_s=10.0)
"""For git, when the network fails."""


class Bought(NamedTuple):
    """What other runs bought for the book's pages."""

    texts: int = 0
    tokens: int = 0


NOTHING_BOUGHT = Bought()


@dataclass(frozen=True, slots=True)
class Book:
    """The book as it is on disk now."""

    source: BookSource
    pages: tuple[Page, ...]
    """In the order of the site's sidebar."""
    chunks: tuple[Chunk, ...]
    """Of the pages that were read, by page, then position; the others are those of `base`."""
    problems: tuple[Problem, ...]
    exact_tokens: bool
    site: Site
    """The book's own configuration included."""
    base: Base | None = None
    """The live build, where not all pages were read; None: all of them were."""
    unread: frozenset[str] = frozenset()
    """Pages that are as they are in `base`."""
    kept_by_next_ingest: bool | None = None
    """Whether the source has the edited page as it is here."""
    bought: Bought = NOTHING_BOUGHT
    """By the runs that read its shards."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the whole book was guessed or could not be resolved, each a sentence."""
        return self.site.notes

    @property
    def chunk_count(self) -> int:
        """How many chunks it has."""
        return len(self.chunks) + sum(page.chunks for page in self.kept.values())

    @property
    def kept(self) -> dict[str, LivePage]:
        """What is live of the pages that were not read."""
        return {path: self.base.pages[path] for path in self.unread} if self.base else {}

    @property
    def replaced(self) -> frozenset[str]:
        """Pages of `base` that are not as they are there, or gone."""
        return frozenset(self.base.pages) - self.unread if self.base else frozenset()

    @property
    def documents(self) -> int:
        """How many pages have chunks."""
        return len({chunk.path for chunk in self.chunks} | self.unread)

    @property
    def text_count(self) -> int:
        """How many of those that were read differ in what is embedded."""
        return len({chunk.content_hash for chunk in self.chunks})


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the book's files, read in one go."""

    paths: tuple[str, ...]
    start: int
    """How many files were read before, or need not be."""
    total: int
    """Files of the book."""

    def __str__(self) -> str:
        """E.g. `files 1 to 64 of 300: intro.md to part/legs.mdx`."""
        end = self.start + len(self.paths)
        return f"files {self.start + 1} to {end} of {self.total}: {self.paths[0]} to {self.paths[-1]}"


async def open_book(settings: Settings, revision: str | None = None) -> BookSource:
    """Where the book is on this disk, fetched if it is in git; `revision`: at this commit, whatever the address says."""

    async def fetch() -> BookSource:
        return await asyncio.to_thread(
            partial(open_source, data_dir=settings.data_dir, may_be_private=settings.book_from_private_host, revision=revision),
            settings.book_source,
        )

    return await retry(fetch, FETCH)


async def find_book(settings: Settings) -> tuple[BookSource, Listing]:
    """Where the book is on this disk, fetched if it is in git, and its files."""
    source = await open_book(settings)
    selection = FileSelection(settings.book_include, settings.book_exclude)
    return source, await asyncio.to_thread(find_files, source, selection)


async def read_batch(batch: Batch, readers: Readers, advance: Callable[[int], None]) -> Sequence[Page]:
    """The pages of these files, same order; `advance` is told how many of the book's files were read."""
    return await readers.read(batch.paths, lambda done: advance(batch.start + done))


Find = Callable[[Settings], Awaitable[tuple[BookSource, Listing]]]
Read = Callable[[Batch, Readers, Callable[[int], None]], Awaitable[Sequence[Page]]]


class Share(Protocol):
    """Has pages read elsewhere and put into the page cache, not always all of them; their texts' vectors are bought by then.

    `advance` is told how many are read.
    """

    def __call__(
        self, paths: Sequence[str], source: BookSource, cache: PageCache, advance: Callable[[int], None], *, size_bytes: int
    ) -> Awaitable[Bought]: ...


async def read_book(
    settings: Settings,
    *,
    tracker: Tracker,
    find: Find = find_book,
    read: Read = read_batch,
    share: Share | None = None,
    anew: bool = False,
    base: Base | None = None,
) -> Book:
    """Find and read the book at `settings.book_source`; `find` and `read` are the two steps, mostly as Prefect tasks.

    `share` has pages read by other runs first; what it leaves is read here.

    Pages that would be read as they were before come from the page cache, unless all are to be read `anew`; those that are as
    in the live build `base` come without their chunks. Raises `BookError` when the book is not there or holds nothing to index,
    `ServiceError` when git fails.
    """
    with tracker.step("find", unit="files") as advance:
        source, listing = await find(settings)
        advance(len(listing.paths))
    total = len(listing.paths)
    with tracker.step("read", total=total, unit="files") as advance:
        rules = await asyncio.to_thread(reading_rules, settings, source)
        cache = await asyncio.to_thread(PageCache, settings.data_dir, rules)
        live: Mapping[str, LivePage] = base.pages if base else {}
        known = {} if anew else await asyncio.to_thread(cache.find, listing.paths, live)
        unknown = [path for path in listing.paths if path not in known]
        advance(len(known))
        size_bytes, bought = listing.size_bytes * len(unknown) // max(total, 1), NOTHING_BOUGHT
        if share is not None and unknown:
            bought = await share(
                unknown, source, cache, lambda done: advance(total - len(unknown) + done), size_bytes=size_bytes
            )
            known |= await asyncio.to_thread(cache.find, unknown, live)
            unknown = [path for path in unknown if path not in known]
            size_bytes = listing.size_bytes * len(unknown) // max(total, 1)
        unread = frozenset(path for path, page in known.items() if path in live and not page.chunks and page.left_out is None)
        async with open_readers(rules, processes_for(size_bytes), cache=cache) as readers:
            for start in range(0, len(unknown), BATCH_FILES):
                batch = Batch(tuple(unknown[start : start + BATCH_FILES]), total - len(unknown) + start, total)
                with tracing.span("read batch", {"lectern.files": len(batch.paths)}):
                    known.update((page.path, page) for page in await read(batch, readers, advance))
        await asyncio.to_thread(cache.forget_others, listing.paths)
        pages = await asyncio.to_thread(_in_order, [known[path] for path in listing.paths], rules)
    chunks = tuple(chunk for page in pages for chunk in page.chunks)
    problems = (*listing.problems, *(problem for page in pages for problem in page.problems))
    if not chunks and not unread:
        raise _nothing_to_index(source, pages, problems)
    return Book(source, pages, chunks, problems, has_vocabulary(rules.vocabulary), rules.site, base, unread, bought=bought)


async def with_every_chunk(book: Book, index: Index) -> Book:
    """The book with the chunks of every page, from the live build where they were not read."""
    records = by_page((await index.records()).values())
    chunks = [chunk for page in book.pages for chunk in (records[page.path] if page.path in book.unread else page.chunks)]
    others = [chunk for path in sorted(book.unread - {page.path for page in book.pages}) for chunk in records[path]]
    return replace(book, chunks=(*chunks, *others), base=None, unread=frozenset())


def reading_rules(settings: Settings, source: BookSource) -> ReadingRules:
    """How the book's pages are read, by the settings and by its site's own configuration. Reads that: not for the loop."""
    return ReadingRules(
        root=source.root,
        boundary=source.boundary,
        repository=source.boundary if source.revision else repository_of(source.root) or _project(source.root),
        vocabulary=find_vocabulary(settings.data_dir),
        site=read_site_config(source.root, settings.site, boundary=source.boundary if source.revision else None),
        collection=settings.collection,
        max_tokens=settings.chunk_tokens,
    )


def _project(root: Path) -> Path:
    """The folder that a book in no repository may include files of: the one above it, where that configures the site."""
    files = SiteFiles.of(root, root.parent)
    return root.parent if any(generator.named_by(files) for generator in GENERATORS.values()) else root


def _in_order(pages: Sequence[Page], rules: ReadingRules) -> tuple[Page, ...]:
    return tuple(in_reading_order(pages, rules.site, rules.root, rules.boundary))


def _nothing_to_index(source: BookSource, pages: Sequence[Page], problems: Sequence[Problem]) -> BookError:
    skipped = [problem for problem in problems if problem.skipped]
    if skipped:
        return BookError(f"Nothing in {source.name!r} can be indexed: {skipped[0].path!r}: {skipped[0].reason}.")
    left_out = next((page for page in pages if page.left_out not in {None, NO_TEXT}), None)
    if left_out:
        return BookError(f"Nothing in {source.name!r} is to be indexed: {left_out.path!r}: {left_out.left_out}.")
    named = [f"left out {page.path}: {page.left_out}" for page in pages[:MAX_NAMED]]
    why = [f"{problem.path}:{problem.line}: {problem.reason}" for problem in problems[:MAX_NAMED]]
    return BookError("\n".join((f"The {len(pages)} files of {source.name!r} hold no text.", *named, *why)))

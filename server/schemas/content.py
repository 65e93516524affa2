"""Shapes of the book's pages in the index, and of what is told of an edit."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.ingest_runs import MAX_PAGE_BYTES

PAGES, MOST_PAGES = 20, 100
"""Of one list: unless said, and at most."""
WAIT_S, MOST_WAIT_S = 30, 120
"""A run takes ten seconds, most of it to start."""


class IndexedHeading(BaseModel):
    """A heading of a page."""

    heading_path: list[str] = Field(description="From the page's top down to it.")
    url: str


class IndexedPage(BaseModel):
    """A page of the book, as it is in the live build."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str
    """The file, relative to the book's root: its id."""
    title: str
    url: str
    chunks: int
    headings: list[IndexedHeading]
    indexed_at: datetime
    """When the live build was made, UTC."""


class IndexedPages(BaseModel):
    """Pages of the live build, by path."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    documents: list[IndexedPage]
    total: int
    """Pages in the build."""
    next: str | None
    """`after` of the next page of this list; null: there is none."""


class ListParameters(BaseModel):
    """Which pages of the list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    limit: int = Field(default=PAGES, ge=1, le=MOST_PAGES)
    """Pages wanted."""
    after: str = ""
    """The `next` of the answer before."""


class EditParameters(BaseModel):
    """How long an edit is waited for."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    wait: int = Field(default=WAIT_S, ge=0, le=MOST_WAIT_S)
    """Seconds until the answer is 202, where the page is not live yet."""


class PageBody(BaseModel):
    """What a page is to say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    markdown: str = Field(description=f"At most {MAX_PAGE_BYTES // 1024} KiB in UTF-8; front matter counts.")


class EmbedBody(BaseModel):
    """A text to put into the index, or a file of the book to read again."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    markdown: str | None = None
    """The text; null: what the book's source has at `path`."""
    path: str | None = None
    """Where the page stands in the book; null: at a path made of the text."""


class PageEdited(BaseModel):
    """What became of an edit."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str
    run_id: str
    status_url: str
    state: str
    """`completed`: questions are answered with it. Anything else: it is on its way, and `status_url` tells how far."""
    build_id: str | None = None
    """The live build with it."""
    new_build: bool | None = None
    """False: the index had the page like this."""
    kept_by_next_ingest: bool | None = None
    """False: the book's source has the page otherwise, or has no such page, and the next ingest puts it back like that."""
    document: IndexedPage | None = None
    """The page as it is live; null: it is removed, or on its way."""

"""Shapes of the list of books."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class BookEntry(BaseModel):
    """One of the service's books."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """As BOOKS has it; '' where there is only one."""
    title: str
    """Its BOOK_TITLE; '' where the author gave none."""
    site_url: str | None
    """Where it is published."""
    path: str
    """Every route of this service is below it, for this book: `/books/ros2/` has `/books/ros2/chat`."""


class BookList(BaseModel):
    """The service's books."""

    books: list[BookEntry]

"""The settings as the command line and the launcher read them, with paths made definite."""

from __future__ import annotations

from pathlib import Path

from flows.source.repository import check_not_an_address, is_git
from shared.settings import Settings


def read_settings(book: str | None = None) -> Settings:
    """The settings, for `book` where one is given.

    Raises `ConfigurationError` naming each setting that is wrong, `BookError` when the book's address is none for git.
    """
    settings = Settings.read() if book is None else Settings.read(book_source=book)
    source = settings.book_source
    if settings.reads_book and not is_git(source):
        check_not_an_address(source)
        source = str(Path(source).expanduser().absolute())
    return settings.model_copy(update={"book_source": source, "data_dir": settings.data_dir.expanduser().absolute()})

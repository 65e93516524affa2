"""The settings as the command line and the launcher read them, with paths made definite."""

from __future__ import annotations

from pathlib import Path

from flows.source.repository import check_not_an_address, is_git
from shared.books import each_book, prefix_of, settings_of_book
from shared.errors import ConfigurationError
from shared.settings import Settings


def read_settings(book: str | None = None, *, only: str = "") -> Settings:
    """The settings, for the source `book` where one is given, and of BOOKS for the one named `only`, else the first.

    Raises `ConfigurationError` naming each setting that is wrong, `BookError` when the book's address is none for git.
    """
    return _definite(settings_of_book(_read(book), only))


def read_books(book: str | None = None, *, only: str = "") -> dict[str, Settings]:
    """The settings of every book by its name, or of the one named `only`; raises as `read_settings`."""
    settings = _read(book)
    books = {only: settings_of_book(settings, only)} if only else each_book(settings)
    return {name: _definite(own) for name, own in books.items()}


def sources_by_name() -> dict[str, str]:
    """Where each of BOOKS is, by the name of the setting that says so, with paths made definite; none for the only book."""
    books = each_book(Settings.read())
    return {f"{prefix_of(name)}BOOK_SOURCE": _definite(own).book_source for name, own in books.items() if name}


def _read(book: str | None) -> Settings:
    settings = Settings.read() if book is None else Settings.read(book_source=book)
    if book is not None and settings.books:
        raise ConfigurationError(f"BOOKS names several books ({', '.join(settings.books)}): give no BOOK beside it.")
    return settings


def _definite(settings: Settings) -> Settings:
    source = settings.book_source
    if settings.reads_book and not is_git(source):
        check_not_an_address(source)
        source = str(Path(source).expanduser().absolute())
    return settings.model_copy(update={"book_source": source, "data_dir": settings.data_dir.expanduser().absolute()})

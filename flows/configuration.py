"""The settings as the command line and the launcher read them: paths made definite, mistakes as one sentence."""

from __future__ import annotations

from pathlib import Path

from flows.source.git import is_git
from shared.settings import Settings


def read_settings(book: str | None = None) -> Settings:
    """The settings, for `book` where one is given; raises `ConfigurationError` naming each setting that is wrong."""
    settings = Settings.read() if book is None else Settings.read(book_source=book)
    source = settings.book_source
    is_folder = settings.reads_book and not is_git(source)
    definite = str(Path(source).expanduser().absolute()) if is_folder else source
    return settings.model_copy(update={"book_source": definite, "data_dir": settings.data_dir.expanduser().absolute()})

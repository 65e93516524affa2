"""The settings as the command line and the launcher read them: paths made definite, mistakes as one sentence."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from flows.git import is_git
from shared.errors import ConfigurationError
from shared.settings import Settings


def read_settings(book: str | None = None) -> Settings:
    """The settings, for `book` where one is given; raises `ConfigurationError` naming each setting that is wrong."""
    try:
        settings = Settings() if book is None else Settings(book_source=book)
    except ValidationError as exc:
        wrong = (f"{str(error['loc'][0]).upper()} is {error['input']!r}: {error['msg'].lower()}" for error in exc.errors())
        raise ConfigurationError("; ".join(wrong) + ".") from exc
    source = settings.book_source
    definite = source if is_git(source) else str(Path(source).expanduser().absolute())
    return settings.model_copy(update={"book_source": definite, "data_dir": settings.data_dir.expanduser().absolute()})

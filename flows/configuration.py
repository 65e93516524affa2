"""The settings as the command line and the launcher read them: paths made definite, mistakes as one sentence."""

from __future__ import annotations

from pathlib import Path

from flows.git import is_git
from shared.settings import HOME, Settings
from shared.tokens import VOCABULARY_FILE, vocabulary_folder

INSTALLED = HOME / Settings.model_fields["data_dir"].default
"""The data folder `make` fetches the tokenizer's vocabulary into."""


def find_vocabulary(data_dir: Path) -> Path:
    """The folder to load the tokenizer from: the data folder's, or where that has none the installation's.

    Estimated tokens would cut other chunks than exact ones, and buy their vectors once more.
    """
    own, installed = vocabulary_folder(data_dir), vocabulary_folder(INSTALLED)
    return installed if not (own / VOCABULARY_FILE).exists() and (installed / VOCABULARY_FILE).exists() else own.absolute()


def read_settings(book: str | None = None) -> Settings:
    """The settings, for `book` where one is given; raises `ConfigurationError` naming each setting that is wrong."""
    settings = Settings.read() if book is None else Settings.read(book_source=book)
    source = settings.book_source
    is_folder = settings.reads_book and not is_git(source)
    definite = str(Path(source).expanduser().absolute()) if is_folder else source
    return settings.model_copy(update={"book_source": definite, "data_dir": settings.data_dir.expanduser().absolute()})

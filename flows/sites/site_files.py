"""The files beside a book's pages that say how its site is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import yaml

from shared.errors import BookError

MAX_LEVELS = 6
"""Folders above the book that are looked into."""
LEVELS_BESIDE = 3
"""Of those, whose other folders are looked into."""
MAX_FOLDERS = 50
"""Folders in one that are looked into."""


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The book, and how far from it files may be read."""

    book: Path
    boundary: Path

    @classmethod
    def of(cls, book: Path, boundary: Path) -> Self:
        """The files of `book` inside `boundary`, both without symbolic links."""
        return cls(book.resolve(), boundary.resolve())

    def find(self, *names: str, pages: Callable[[Path], Path] | None = None) -> Path | None:
        """The first of `names` in the book or the folder above it, else the nearest that is about this book.

        `pages`: the folder of pages that a file configures; it is about this book where one of the two lies in the other.
        Further off are the folders above, those in the book, and those beside it: `docs/` and `website/`.
        """
        near = (self.book, self.book.parent)
        found = next((folder / name for folder in near for name in names if self.holds(folder / name)), None)
        if found is not None or pages is None:
            return found
        far = (folder / name for folder in self._far() for name in names if self.holds(folder / name))
        return next((file for file in far if self._is_about_book(pages(file).resolve())), None)

    def _far(self) -> Iterator[Path]:
        """The folders above, nearest first, then those below the book, then those beside it."""
        yield from [folder for folder in self.book.parents[1:MAX_LEVELS] if folder.is_relative_to(self.boundary)]
        below = _folders(self.book)
        yield from below
        for folder in below:
            yield from _folders(folder)
        for above in self.book.parents[:LEVELS_BESIDE]:
            yield from _folders(above) if above.is_relative_to(self.boundary) else []

    def _is_about_book(self, pages: Path) -> bool:
        return pages.is_dir() and (pages.is_relative_to(self.book) or self.book.is_relative_to(pages))

    def holds(self, file: Path) -> bool:
        """Whether the file is there and may be read."""
        return file.is_file() and file.resolve().is_relative_to(self.boundary)

    def below(self, folder: Path) -> str:
        """`folder` relative to the book; '' when the book is that folder or lies inside it."""
        folder = folder.resolve()
        return folder.relative_to(self.book).as_posix() if folder != self.book and folder.is_relative_to(self.book) else ""


def _folders(folder: Path) -> list[Path]:
    """The folders in it by name, hidden ones and packages left out."""
    try:
        found = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
    except OSError:
        return []
    return [entry for entry in found if not entry.name.startswith(".") and entry.name != "node_modules"][:MAX_FOLDERS]


def repository_of(book: Path) -> Path | None:
    """The git repository around `book`; None where there is none."""
    return next((folder for folder in (book.resolve(), *book.resolve().parents) if (folder / ".git").exists()), None)


def read_text(file: Path) -> str:
    """The text of a configuration file. Raises `BookError`."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise BookError(f"{str(file)!r} cannot be read: {exc}.") from exc


def read_list(file: Path, parser: Callable[[str], Any]) -> list[Any]:
    """The list that `parser` makes of a file. Raises `BookError`."""
    return cast("list[Any]", _parse(file, parser, list))


def read_table(file: Path, parser: Callable[[str], Any]) -> dict[str, Any]:
    """The keys and values that `parser` makes of a file. Raises `BookError`."""
    return cast("dict[str, Any]", _parse(file, parser, dict))


def _parse(file: Path, parser: Callable[[str], Any], shape: type[object]) -> object:
    try:
        value: object = parser(read_text(file))
    except (ValueError, yaml.YAMLError) as exc:
        raise BookError(f"{str(file)!r} cannot be read: {exc}") from exc
    if not isinstance(value, shape):
        raise BookError(f"{str(file)!r} cannot be read: expected a {shape.__name__}, found {type(value).__name__}.")
    return value


def plain_values(table: dict[str, Any]) -> dict[str, Any]:
    """The texts and numbers of a configuration, and the tables of them: what a template may name."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found[str(key)] = plain_values(cast("dict[str, Any]", value))
        elif isinstance(value, str | int | float):
            found[str(key)] = value
    return found

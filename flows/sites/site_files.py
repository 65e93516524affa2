"""The files beside a book's pages that say how its site is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import yaml

from shared.errors import BookError


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The book, and how far from it files may be read."""

    book: Path
    boundary: Path

    @classmethod
    def of(cls, book: Path, boundary: Path) -> Self:
        """The files of `book` inside `boundary`, both without symbolic links."""
        return cls(book.resolve(), boundary.resolve())

    def find(self, *names: str) -> Path | None:
        """The first of `names` in the book or the folder above it."""
        folders = (self.book, self.book.parent)
        return next((folder / name for folder in folders for name in names if self.holds(folder / name)), None)

    def holds(self, file: Path) -> bool:
        """Whether the file is there and may be read."""
        return file.is_file() and file.resolve().is_relative_to(self.boundary)

    def below(self, folder: Path) -> str:
        """`folder` relative to the book; '' when the book is that folder or lies inside it."""
        folder = folder.resolve()
        return folder.relative_to(self.book).as_posix() if folder != self.book and folder.is_relative_to(self.book) else ""


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

"""Where a book lives: a folder, or a git repository at a ref; which of its files are pages, and their text."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flows.source.git import clone
from flows.source.globs import FileSelection
from flows.source.repository import check_not_an_address, is_git, parse_repository
from shared.errors import BookError, DocumentError
from shared.models import Problem
from shared.settings import NO_BOOK

MAX_FILE_BYTES = 2_000_000
"""A page larger than this is a data dump: markdown-it-py is quadratic on some constructs."""
MAX_FILES = 50_000
MAX_BOOK_BYTES = 512_000_000


@dataclass(frozen=True, slots=True)
class BookSource:
    """A book that lies on this disk."""

    root: Path
    """The folder whose Markdown is the book; paths of files are relative to it."""
    boundary: Path
    """No file outside it is read, wherever a symbolic link points: the root, or the whole clone around it."""
    name: str
    """The address as given, without credentials."""
    revision: str | None = None
    """The commit, of a book in git."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the book."""

    path: str
    """Relative to the book's root, with forward slashes."""
    text: str
    """Decoded (UTF-8, a byte order mark removed), line ends as in the file."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a book."""

    paths: tuple[str, ...]
    """Relative to the root, forward slashes, sorted."""
    size_bytes: int
    """Of these files together."""
    problems: tuple[Problem, ...] = ()
    """Files that match but cannot be read."""


def public_name(source: str) -> str:
    """The book's address as it may be shown and logged: without credentials. Raises `BookError` when it can be none."""
    return parse_repository(source).name if is_git(source) else source


def open_source(source: str, *, data_dir: Path, may_be_private: bool = False, revision: str | None = None) -> BookSource:
    """The book at `source`, cloned first when in git; `may_be_private`: also from a server with a private address.

    `revision`: the commit of a book in git, instead of what the address names.

    Raises `BookError` when it is not there, `ServiceError` if git fails.
    """
    if source == NO_BOOK:
        raise BookError(f"BOOK_SOURCE is {NO_BOOK!r}: no book is read here. Name one, as in python -m flows ingest BOOK.")
    if not is_git(source):
        check_not_an_address(source)
        root = Path(source).expanduser()
        _check_folder(root, source)
        return BookSource(root.resolve(), root.resolve(), source)
    repository = parse_repository(source)
    name = repository.name
    repository = replace(repository, ref=revision or repository.ref)
    folder, commit = clone(replace(repository, may_be_private=may_be_private), data_dir / "sources")
    root = folder / repository.subdir
    _check_folder(root, name)
    if not root.resolve().is_relative_to(folder.resolve()):
        raise BookError(f"{name} leads out of its repository.")
    return BookSource(root.resolve(), folder.resolve(), name, commit)


def _check_folder(root: Path, name: str) -> None:
    try:
        if not root.exists():
            raise BookError(f"The book's folder {name!r} does not exist.")
        if not root.is_dir():
            raise BookError(f"The book's folder {name!r} is a file; give the folder that holds the Markdown.")
        next(root.iterdir(), None)
    except OSError as exc:
        raise BookError(f"The book's folder {name!r} cannot be read: {exc.strerror}.") from exc


def find_files(source: BookSource, selection: FileSelection) -> Listing:
    """The files of the book that `selection` takes.

    Raises `BookError` when there is none, or when there are so many that the globs cannot be meant.
    """
    paths: list[str] = []
    problems: list[Problem] = []
    size = 0
    for path in _walk(source.root, selection, problems):
        try:
            size += check_file(source, path)
        except DocumentError as exc:
            problems.append(Problem(path=exc.path, line=None, reason=exc.reason, skipped=True))
        else:
            paths.append(path)
        if len(paths) > MAX_FILES or size > MAX_BOOK_BYTES:
            raise BookError(f"{source.name!r} has over {MAX_FILES} pages or {MAX_BOOK_BYTES} bytes; narrow BOOK_INCLUDE.")
    if not paths and problems:
        first = problems[0]
        raise BookError(f"No file of the book {source.name!r} can be read; the first, {first.path!r}: {first.reason}.")
    if not paths:
        wanted, unwanted = ", ".join(selection.include), ", ".join(selection.exclude) or "nothing"
        raise BookError(f"There is no Markdown in {source.name!r}: no file matches {wanted} (left out: {unwanted}).")
    return Listing(tuple(sorted(paths)), size, tuple(sorted(problems, key=lambda problem: problem.path)))


def _walk(root: Path, selection: FileSelection, problems: list[Problem]) -> Iterator[str]:
    """Files that `selection` takes; folders behind symbolic links are not entered (they can form rings)."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(root / folder) as scanned:
                entries = list(scanned)
        except OSError as exc:
            problems.append(Problem(path=folder, line=None, reason=f"the folder cannot be read: {exc.strerror}", skipped=True))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = os.path.isdir(entry.path)  # noqa: PTH112  unlike the entry's own, it gives False for a ring of links
            if not is_folder and selection.takes(path):
                yield path
            elif is_folder and entry.is_symlink() and not selection.prunes(path):
                reason = "the folder is a symbolic link, which is not followed"
                problems.append(Problem(path=path, line=None, reason=reason, skipped=True))
            elif is_folder and not selection.prunes(path):
                folders.append(path)


def check_file(source: BookSource, path: str) -> int:
    """Size of the file in bytes; raises `DocumentError` when it must not or cannot be read."""
    printable = path.encode("utf-8", "backslashreplace").decode()
    if printable != path:
        raise DocumentError(printable, None, "the file's name is not UTF-8")
    try:
        real = (source.root / path).resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError) as exc:  # RuntimeError: a ring of symbolic links
        raise DocumentError(path, None, "the symbolic link leads nowhere") from exc
    if not real.is_relative_to(source.boundary):
        raise DocumentError(path, None, "the symbolic link leads out of the book")
    if not stat.S_ISREG(status.st_mode):
        raise DocumentError(path, None, "not a regular file")
    if status.st_size > MAX_FILE_BYTES:
        raise DocumentError(path, None, f"{status.st_size} bytes; a page may have {MAX_FILE_BYTES}")
    return status.st_size


def read_file(source: BookSource, path: str) -> SourceFile:
    """The file's text, decoded; raises `DocumentError` when it cannot be read or is not UTF-8 text."""
    try:
        content = (source.root / path).read_bytes()
    except OSError as exc:
        raise DocumentError(path, None, f"the file cannot be read: {exc.strerror}") from exc
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise DocumentError(path, line, f"not UTF-8: byte 0x{content[exc.start]:02x}") from exc
    if "\0" in text:
        raise DocumentError(path, text.count("\n", 0, text.index("\0")) + 1, "holds a NUL character: not a text file")
    return SourceFile(path, text)

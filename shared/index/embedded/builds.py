"""The folder of one book's builds, and the one name that says which of them is live.

    <root>/
      CURRENT              id of the live build and a line end; replaced atomically, never written in place
      LOCK                 held (flock) by the process that is publishing; the kernel lets go of it when that process dies
      builds/<id>/         one build, complete and on disk before CURRENT ever names it
        manifest.json      the `Build`; written last
        files.json         size and CRC-32 of every other file
        chunks.sqlite      its chunk records
        shard/             its vectors

A build that CURRENT never named is an orphan of a killed ingest and goes with the next publish. To roll back, write the id of
the other build into CURRENT: readers see the new name at their next question.

A build whose files are not those that were written is damaged. Readers get the newest one that is whole then, and the next
ingest lets CURRENT name it, or nothing, before it looks at what has changed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import zlib
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from shared.errors import ServiceError
from shared.models import Build

DAMAGED = "damaged"
"""Code of the `ServiceError` for what is there but is not what was written: an ingest mends it."""
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,99}")
_READ_AT_ONCE = 1 << 20
_BLOCK = 512
"""What `st_blocks` counts, wherever it runs."""
_files = TypeAdapter(dict[str, tuple[int, int]])


class BuildFolder:
    """Paths and names of builds. Every method blocks on the disk and raises `ServiceError` when it cannot."""

    def __init__(self, root: Path) -> None:
        """`root`: the book's folder; made at the first publish."""
        self.root = root
        self._current = root / "CURRENT"
        self._builds = root / "builds"

    def path(self, build_id: str) -> Path:
        """Folder of a build."""
        return self._builds / build_id

    def current_id(self) -> str | None:
        """What CURRENT says, which need not be the id of a build; None when nothing was ever built."""
        with _disk_errors("read", self._current):
            try:
                return self._current.read_bytes().decode("ascii", errors="replace").strip()
            except FileNotFoundError:
                return None

    def others(self, than: str) -> list[str]:
        """Ids of the other builds, the newest first; not all of them need be whole."""
        with _disk_errors("read", self._builds):
            if not self._builds.is_dir():
                return []
            others = [path for path in self._builds.iterdir() if path.name != than]
            return [path.name for path in sorted(others, key=_made_at, reverse=True)]

    def check(self, build_id: str, *, sizes_only: bool = False) -> Build:
        """The `Build` a folder holds; every file is as long as when it was written, and holds what was written then.

        Raises a `ServiceError` with the code `DAMAGED` otherwise. Builds of earlier versions have no list of their files.
        """
        if not _ID.fullmatch(build_id):
            raise damaged(self._current, "it names no build")
        path = self.path(build_id)
        with _disk_errors("read", path):
            try:
                build = Build.model_validate_json((path / "manifest.json").read_bytes())
                listed = path / "files.json"
                files = _files.validate_json(listed.read_bytes()) if listed.exists() else {}
                for name, (size, crc) in files.items():
                    if (path / name).stat().st_size != size or (not sizes_only and _crc(path / name) != crc):
                        raise damaged(path, f"{name} is not what was written")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
                raise damaged(path, f"{Path(exc.filename).name} is missing") from exc
            except ValidationError as exc:
                raise damaged(path, "its manifest cannot be read") from exc
        return build

    @contextmanager
    def publishing(self) -> Generator[None]:
        """Be the only publisher. Raises a transient `ServiceError` when another process is one."""
        with _disk_errors("write to", self.root):
            self._builds.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                message = f"Another ingest is writing the index in {self.root}; wait until it ends."
                raise ServiceError("disk", message, transient=True, code="busy") from exc
            yield
        finally:
            os.close(lock)

    def start(self, build_id: str) -> Path:
        """An empty folder for a new build; what a failed attempt at it left is deleted."""
        path = self.path(build_id)
        with _disk_errors("write to", path):
            if path.exists():
                shutil.rmtree(path)
            path.mkdir()
        return path

    def finish(self, build: Build) -> None:
        """Write the list of files and the manifest, and force the whole build to disk."""
        path = self.path(build.id)
        with _disk_errors("write to", path):
            written = sorted(file for file in path.rglob("*") if file.is_file())
            files = {file.relative_to(path).as_posix(): (file.stat().st_size, _crc(file)) for file in written}
            (path / "files.json").write_text(json.dumps(files, indent=0), encoding="ascii")
            (path / "manifest.json").write_text(build.model_dump_json(indent=2), encoding="utf-8")
            for folder, _, files in os.walk(path):
                for name in files:
                    _sync(Path(folder) / name)
                _sync(Path(folder))
            _sync(self._builds)

    def make_live(self, build_id: str) -> None:
        """Let CURRENT name this build: before or after a crash it names the old one or the new one."""
        draft = self._current.with_suffix(".draft")
        with _disk_errors("write", self._current):
            draft.write_text(build_id + "\n", encoding="ascii")
            _sync(draft)
            draft.replace(self._current)
            _sync(self.root)

    def forget(self) -> None:
        """Let CURRENT name nothing, as before the first ingest."""
        with _disk_errors("delete", self._current):
            self._current.unlink(missing_ok=True)

    def prune(self, keep: Collection[str]) -> None:
        """Delete every other build. Readers that still hold one keep its files until they close it."""
        with _disk_errors("clean up", self._builds):
            for path in self._builds.iterdir():
                if path.name in keep:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def size_of(path: Path) -> int:
    """Bytes of the disk that the files below a folder take."""
    with _disk_errors("read", path):
        return sum(file.stat().st_blocks * _BLOCK for file in path.rglob("*") if file.is_file())


def copy_files(source: Path, target: Path, names: Sequence[str]) -> None:
    """Copy files and folders by name, holes as holes: the engine's files are mostly that."""
    with _disk_errors("write to", target):
        for file in [file for name in names for file in (source / name, *(source / name).rglob("*")) if file.is_file()]:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy_sparsely(file, copy)


def _copy_sparsely(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        size, at = os.fstat(read.fileno()).st_size, 0
        written.truncate(size)
        while at < size:
            try:
                start = os.lseek(read.fileno(), at, os.SEEK_DATA)
            except OSError as exc:
                if exc.errno == errno.ENXIO:  # only a hole is left
                    return
                raise
            at = os.lseek(read.fileno(), start, os.SEEK_HOLE)
            read.seek(start)
            written.seek(start)
            left = at - start
            while left and (some := read.read(min(_READ_AT_ONCE, left))):
                written.write(some)
                left -= len(some)


def damaged(path: Path, why: str) -> ServiceError:
    """Something of the index is not what was written."""
    return ServiceError("disk", f"The index in {path} is damaged: {why}; ingest again.", transient=False, code=DAMAGED)


@contextmanager
def _disk_errors(doing: str, path: Path) -> Generator[None]:
    try:
        yield
    except OSError as exc:
        raise ServiceError("disk", f"Cannot {doing} {path}: {exc.strerror or exc}.", transient=False) from exc


def _made_at(build: Path) -> tuple[str, int]:
    """When a build was made: by its name, to the second, then by its folder's date."""
    return build.name.partition("-")[0], build.stat().st_mtime_ns


def _crc(path: Path) -> int:
    """CRC-32 of the file: enough against what happens to disks, and a third of the time of a hash."""
    crc = 0
    with path.open("rb") as file:
        while some := file.read(_READ_AT_ONCE):
            crc = zlib.crc32(some, crc)
    return crc


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

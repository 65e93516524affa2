"""The folder of one book's builds, and the one name that says which of them is live.

    <root>/
      CURRENT              id of the live build and a line end; replaced atomically, never written in place
      LOCK                 held (flock) by the process that is publishing; the kernel lets go of it when that process dies
      builds/<id>/         one build, complete and on disk before CURRENT ever names it
        manifest.json      the `Build`
        chunks.sqlite      its chunk records
        shard/             its vectors

A build that CURRENT never named is an orphan of a killed ingest and goes with the next publish. To roll back, write the id of
the other build into CURRENT: readers see the new name at their next question.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from shared.errors import ServiceError
from shared.models import Build


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
        """Id of the live build; None when nothing was ever built."""
        with _disk_errors("read", self._current):
            try:
                return self._current.read_text(encoding="ascii").strip() or None
            except FileNotFoundError:
                return None

    def manifest(self, build_id: str) -> Build:
        """The `Build` a folder holds."""
        path = self.path(build_id) / "manifest.json"
        with _disk_errors("read", path):
            try:
                return Build.model_validate_json(path.read_bytes())
            except ValidationError as exc:
                raise ServiceError("disk", f"The manifest {path} is damaged; run a full ingest.", transient=False) from exc

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
        """Write the manifest and force the whole build to disk."""
        path = self.path(build.id)
        with _disk_errors("write to", path):
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

    def prune(self, keep: Collection[str]) -> None:
        """Delete every other build. Readers that still hold one keep its files until they close it."""
        with _disk_errors("clean up", self._builds):
            for path in self._builds.iterdir():
                if path.name not in keep:
                    shutil.rmtree(path)


@contextmanager
def _disk_errors(doing: str, path: Path) -> Generator[None]:
    try:
        yield
    except OSError as exc:
        raise ServiceError("disk", f"Cannot {doing} {path}: {exc.strerror or exc}.", transient=False) from exc


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

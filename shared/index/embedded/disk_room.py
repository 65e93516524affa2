"""Room on the disk that is taken before it is needed.

The engine writes through memory maps of sparse files: where the disk has no room for such a page the process dies of SIGBUS,
and nothing can be said. So the room is taken by an ordinary file first, whose refusal is an ordinary error, and given back step
by step as the engine fills it.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import ServiceError

NAME = "reserved"


class TakenRoom:
    """What is still taken."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Use `take_room`."""
        self._descriptor = descriptor
        self._left = size

    def give_back(self, size: int) -> None:
        """Let go of `size` bytes of it, for what is written now."""
        self._left = max(0, self._left - size)
        os.ftruncate(self._descriptor, self._left)


@contextmanager
def take_room(folder: Path, size: int) -> Generator[TakenRoom]:
    """`size` bytes of the disk `folder` is on, until the context ends. Raises `ServiceError` where there are not so many."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _allocate(descriptor, size)
            yield TakenRoom(descriptor, size)
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)
    except OSError as exc:
        message = f"The index needs {size / 1e6:.0f} MB more in {folder}: {exc.strerror}."
        raise ServiceError("disk", message, transient=False, code="full") from exc


def _allocate(descriptor: int, size: int) -> None:
    """Blocks of the disk for the file, not only a length. Raises `OSError`."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.write(descriptor, bytes(size))

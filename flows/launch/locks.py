"""What one running Lectern has to itself, for as long as a file is open: the kernel gives it back when its process ends."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from shared.errors import ConfigurationError

USUAL_PREFECT_PORT = 4200


def lock_data_dir(folder: Path) -> TextIO:
    """A lock on the data folder, held until the file is closed; raises `ConfigurationError` when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _lock(folder / "up.lock")
    except OSError as exc:
        message = (
            f"Lectern is already running with the data folder DATA_DIR={str(folder)!r}; stop it, or give this one a folder and "
            "a port of its own: make up DATA_DIR=... PORT=...."
        )
        raise ConfigurationError(message) from exc


@contextmanager
def lock_prefect_port(*, web_port: int) -> Generator[int]:
    """Prefect's usual port, while nobody else starting on this machine has chosen it; else a free one, and never `web_port`.

    Between the choice and Prefect's own bind lie seconds in which the port looks free to the next one who looks.
    """
    try:
        lock = _lock(Path(tempfile.gettempdir()) / f"lectern-prefect-{USUAL_PREFECT_PORT}.lock")
    except OSError:  # held, or another user's file
        yield _free_port(0)
        return
    with lock:
        yield _free_port(*({USUAL_PREFECT_PORT} - {web_port}), 0)


def _lock(path: Path) -> TextIO:
    """An open file that nobody else holds. Raises `OSError`."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _free_port(*wanted: int) -> int:
    """The first of these that can be listened on; 0 stands for any."""
    for port in wanted:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    return USUAL_PREFECT_PORT

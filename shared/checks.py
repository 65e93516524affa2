"""What can be checked of a setting's value before anything uses it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import ConfigurationError

QDRANT_PORT = 6333


def is_address(text: str) -> bool:
    """Whether `text` has the form of an http(s) address with a host and, if any, a port."""
    if re.search(r"\s", text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets of IPv6 that do not match, or a port that is none
        return False


def qdrant_address(url: str) -> str:
    """Where a Qdrant server answers: port 6333 where the address names none, whatever the scheme."""
    parts = urlsplit(url.rstrip("/"))
    return parts.geturl() if parts.port else parts._replace(netloc=f"{parts.netloc}:{QDRANT_PORT}").geturl()


def check_writable(folder: Path) -> None:
    """Raise `ConfigurationError` unless files can be written to the data folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise ConfigurationError(f"The data folder DATA_DIR={str(folder)!r} cannot be written to: {exc.strerror}.") from exc

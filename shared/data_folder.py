"""The folder that DATA_DIR names."""

from __future__ import annotations

import tempfile
from pathlib import Path

from shared.errors import ConfigurationError


def check_writable(folder: Path) -> None:
    """Raise `ConfigurationError` unless files can be written to the data folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise ConfigurationError(f"The data folder DATA_DIR={str(folder)!r} cannot be written to: {exc.strerror}.") from exc

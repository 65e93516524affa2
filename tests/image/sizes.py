"""How large an image is, layer by layer: as stored, and as it is sent (gzip, as registries keep layers)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class LayerSize:
    """One layer."""

    made_by: str
    bytes: int
    compressed_bytes: int


def measure(layers: list[tuple[str, Path]]) -> list[LayerSize]:
    """The size of each layer."""
    return [LayerSize(made_by, _stored(folder), _sent(folder)) for made_by, folder in layers]


def describe(sizes: list[LayerSize]) -> list[str]:
    """A table in megabytes, and its total."""
    lines = [_line(size.bytes, size.compressed_bytes, size.made_by) for size in sizes if size.bytes > MEGABYTE / 100]
    total = _line(sum(size.bytes for size in sizes), sum(size.compressed_bytes for size in sizes), "all")
    return ["   MB    sent  layer", *lines, total]


def _line(stored: int, sent: int, what: str) -> str:
    return f"{stored / MEGABYTE:6.1f}  {sent / MEGABYTE:6.1f}  {what[:90]}"


def _stored(folder: Path) -> int:
    return sum(
        os.lstat(Path(parent) / name).st_size for parent, _, names in os.walk(folder) for name in names
    )  # links count as themselves


def _sent(folder: Path) -> int:
    with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
        gzip = subprocess.run(["gzip", "-6"], stdin=tar.stdout, stdout=subprocess.PIPE, check=True)
    return len(gzip.stdout)

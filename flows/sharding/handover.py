"""What a coordinator and the runs of its shards hand each other: files in a folder that all of their machines have.

    orders/<job>-<shard>.json    the pages of one shard; withdrawn, that is deleted, when nobody waits for them any more
    parts/<job>-<shard>-<n>/     what became of its n-th batch of pages: `pages.sqlite`, `vectors.sqlite`, `bought.json`

A part is copied beside its place, renamed and never changed: a killed run leaves whole parts or none, two runs of one shard do
no harm, and a network file system needs no locks. Its SQLite files are a page cache (`flows/processes/page_cache.py`) and a
vector cache (`flows/embedding/vector_cache.py`) of that batch alone. What is in no part, the coordinator reads itself.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from shared.errors import ServiceError
from shared.models import Frozen

BATCH_PAGES = 64
"""Pages in a part, which is what a kill loses of a shard: some hundred texts."""
VECTORS = "vectors.sqlite"
BOUGHT = "bought.json"
_NAME = re.compile(r"[0-9a-f]{16}-[0-9]{1,4}")


class Order(Frozen):
    """The pages that one shard is to read."""

    paths: tuple[str, ...]
    size_bytes: int
    """Of the files, about."""
    revision: str | None = None
    """The commit they are of, where the book is in git."""

    @property
    def batches(self) -> list[tuple[str, ...]]:
        """The pages of each part, in order."""
        return [self.paths[start : start + BATCH_PAGES] for start in range(0, len(self.paths), BATCH_PAGES)]


def shard_of(path: str, shards: int) -> int:
    """The shard of a page, from 0: by a hash of its path alone, so that it stays in it while other pages come and go."""
    return int.from_bytes(hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()[:8]) % shards


@dataclass(frozen=True)
class Handover:
    """The folder, for one book. Every method blocks; those that write raise `ServiceError` when they cannot."""

    folder: Path

    def place(self, orders: Sequence[Order]) -> list[str]:
        """Write the orders of a new job; their names."""
        job = secrets.token_hex(8)
        names = [f"{job}-{shard}" for shard in range(len(orders))]
        try:
            for kind in (self._orders, self._parts):
                kind.mkdir(parents=True, exist_ok=True)
            for name, order in zip(names, orders, strict=True):
                written = self._orders / f".{name}"
                written.write_text(order.model_dump_json(), encoding="utf-8")
                written.rename(self._order(name))
        except OSError as exc:
            raise _unusable(self.folder, exc) from exc
        return names

    def order(self, name: str) -> Order | None:
        """The order of that name; None when it was withdrawn."""
        if not _NAME.fullmatch(name):
            return None
        with suppress(OSError, ValidationError):
            return Order.model_validate_json(self._order(name).read_text(encoding="utf-8"))
        return None

    def stands(self, name: str) -> bool:
        """Whether somebody still waits for that order."""
        return self._order(name).exists()

    def withdraw(self) -> None:
        """Let nobody begin, or go on with, what was ordered; and forget what killed runs left half copied."""
        for order in self._orders.glob("*"):
            order.unlink(missing_ok=True)
        for part in self._parts.glob(".*"):
            shutil.rmtree(part, ignore_errors=True)

    def has(self, name: str, batch: int) -> bool:
        """Whether that part of the order is there."""
        return (self._parts / f"{name}-{batch}").is_dir()

    def put(self, name: str, batch: int, made: Path) -> None:
        """Make the folder `made` that part of the order; nothing when another run has, or when the order was withdrawn."""
        target = self._parts / f"{name}-{batch}"
        copy = self._parts / f".{target.name}-{secrets.token_hex(4)}"
        try:
            shutil.copytree(made, copy)
            if self.stands(name):
                copy.rename(target)
        except OSError as exc:
            if not target.is_dir():  # else another run was first
                raise _unusable(self.folder, exc) from exc
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def parts(self, name: str = "") -> list[Path]:
        """The parts of that order that are there, or of every order."""
        return sorted(self._parts.glob(f"{name}-*" if name else "[!.]*"))

    @property
    def _orders(self) -> Path:
        return self.folder / "orders"

    @property
    def _parts(self) -> Path:
        return self.folder / "parts"

    def _order(self, name: str) -> Path:
        return self._orders / f"{name}.json"


def _unusable(folder: Path, exc: OSError) -> ServiceError:
    return ServiceError("disk", f"Cannot use the folder of shards {folder}: {exc.strerror}.", transient=False)

"""What killed ingests leave on a Qdrant server, told apart from what is still being written."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from shared.errors import ServiceError
from shared.index.remote import points
from shared.index.remote.server import QdrantServer

SIGN_EVERY_S = 20.0
DEAD_AFTER = timedelta(minutes=2)
"""Without a sign of life for this long, the one who was writing a collection is dead: clocks may differ by a minute."""
ORPHAN_AGE = timedelta(hours=1)
"""The same for a collection without any sign, of an older Lectern or killed in its first moment."""
_BUILD_TIME = re.compile(r"(\d{8})T?(\d{6})")
"""What a build's id begins with, in UTC."""


@asynccontextmanager
async def signs_of_life(
    server: QdrantServer, name: str, sign: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[None]:
    """Tell others, while the context lasts, that this collection is being written; `sign`: how, if not at the manifest."""

    over, writer = asyncio.Event(), secrets.token_hex(8)

    async def tell() -> None:
        while not over.is_set():
            with suppress(ServiceError):  # what writes the chunks will tell
                await (sign() if sign else server.upsert(name, [points.sign_point(datetime.now(UTC), writer)]))
            with suppress(TimeoutError):
                async with asyncio.timeout(SIGN_EVERY_S):
                    await over.wait()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        over.set()
        await telling  # not cancelled: a sign on its way must not arrive behind the manifest


async def clean_up(server: QdrantServer, collection: str, *, live: str, previous: str | None) -> None:
    """Delete builds older than the previous one, and what is no longer being written.

    `previous` None: of the complete ones the newest besides the live one is kept.
    """
    complete: list[str] = []
    for name in await server.collections():
        begun = _begun(collection, name)
        if begun is None or name == live:
            continue
        payload = (await server.retrieve(name, [points.MANIFEST_ID])).get(points.MANIFEST_ID)
        sign = points.last_sign(payload)
        if payload is not None and sign is None:
            complete.append(name)
        elif datetime.now(UTC) - (sign or begun) > (DEAD_AFTER if sign else ORPHAN_AGE):
            await server.delete(name)
    kept = previous or max(complete, default=None)
    for name in complete:
        if kept is not None and name < kept:
            await server.delete(name)


def _begun(collection: str, name: str) -> datetime | None:
    """When the build in a collection was begun; None when the collection is not this book's."""
    stem = f"{collection}-"
    match = _BUILD_TIME.match(name.removeprefix(stem)) if name.startswith(stem) else None
    return datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC) if match else None

"""Redis at `REDIS_URL`: what several server processes share. It may be away at any time; whoever uses it goes on without."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import structlog

from shared.errors import ServiceError

if TYPE_CHECKING:
    from redis.asyncio import Redis

TIMEOUT_S = 0.5
"""Of one command, connecting included: who asks has a reader waiting."""
RETRY_S = 2.0
"""After a failure nothing is tried for this long, so that nobody waits for a Redis that is away."""

log = structlog.get_logger(__name__)


class RedisServer:
    """One Redis; nothing is connected to before the first command."""

    def __init__(self, url: str, *, retry_s: float = RETRY_S) -> None:
        """`url`: as redis-py reads it: `redis://`, `rediss://` or `unix://`."""
        self._url = url
        self._retry_s = retry_s
        self._client: Redis | None = None
        self._was_away = False
        self._try_at = float("-inf")

    async def run(self, *command: str | bytes | int) -> Any:
        """Redis' reply to a command. Raises `ServiceError` where none comes in time, and at once soon after none came."""
        if time.monotonic() < self._try_at:
            raise ServiceError("redis", "Redis is away.", transient=True)
        return await self._run(*command)

    async def ping(self) -> None:
        """Return when it answers, asked now; raise `ServiceError` otherwise."""
        await self._run("PING")

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _run(self, *command: str | bytes | int) -> Any:
        if self._client is None:
            await asyncio.to_thread(import_module, "redis.asyncio")  # 0.2 s, and nobody needs it without REDIS_URL
            self._client = self._client or _open(self._url)
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(TIMEOUT_S):
                reply = await cast("Any", self._client).execute_command(*command)
        except (RedisError, OSError, TimeoutError) as exc:
            self._try_at = time.monotonic() + self._retry_s
            if not self._was_away:
                log.warning("redis_unavailable", reason=type(exc).__name__)  # its text may hold the address
            self._was_away = True
            raise ServiceError("redis", "Redis does not answer.", transient=True) from exc
        if self._was_away:
            log.info("redis_available")
        self._was_away, self._try_at = False, float("-inf")
        return reply


def _open(url: str) -> Redis:
    """A client that tries each command once more on a new connection: an idle one may be closed on the other side."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  its keywords are untyped
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
    )

"""Who is calling, how often, and how many answers at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal, cast

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from shared.checks import reader_keys
from shared.errors import RequestError
from shared.settings import Settings

RequestKind = Literal["question", "lookup"]
"""A question may cost money upstream; a lookup (search, ingest status) only costs us."""

LOOKUPS_PER_QUESTION = 10
READERS = 40
"""All readers together may do what this many could: a flood from many addresses still ends somewhere."""
STREAMS_SHARE = 10
"""One reader may hold a tenth of all streams, and at least `MIN_STREAMS`."""
MIN_STREAMS = 4
BUSY_RETRY_S = 5.0
REDIS_TIMEOUT_S = 0.5
REDIS_RETRY_S = 2.0
"""After a failure Redis is left alone for this long, and each process counts for itself."""

log = structlog.get_logger(__name__)


def key_client(name: str) -> str:
    """What the limits of a reader's key are kept under."""
    return f"key {name}"


def client_of(peer: str | None, forwarded_for: str | None, trusted_hops: int) -> str:
    """The address limits are kept under: the socket's peer, or what the n-th proxy from the right saw.

    Entries further left are the client's own claim. IPv6 counts by /64, the least a household gets. Where the header is
    shorter than the proxies that were promised, or holds no address, the peer is the client.
    """
    entries = [entry.strip() for entry in (forwarded_for or "").split(",")]
    if trusted_hops and len(entries) >= trusted_hops and (seen := _address(entries[-trusted_hops])):
        return _network(seen)
    address = _address(peer or "")
    return _network(address) if address else "unknown"


def is_loopback(peer: str | None) -> bool:
    """Whether the peer is a process on this machine."""
    address = _address(peer or "")
    return address is not None and address.is_loopback


class _Windows:
    """Counts requests in sliding windows: in Redis, for all processes of a book, or in memory while there is none."""

    def __init__(self, settings: Settings) -> None:
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._url = settings.redis_url.get_secret_value() if settings.redis_url else None
        self._prefix = f"lectern:limits:{settings.collection}"
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._close: Callable[[], Awaitable[None]] | None = None
        self._try_at = float("-inf")
        self._was_away = False

    async def hit(self, item: RateLimitItem, *key: str) -> float | None:
        """Count a request; seconds to wait when it is one too many."""
        if self._url is not None and time.monotonic() >= self._try_at:
            self._shared = self._shared or await asyncio.to_thread(self._open, self._url)
            from redis.exceptions import RedisError

            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    wait_s = await _hit(self._shared, item, *key)
            except (RedisError, OSError, TimeoutError) as exc:
                self._try_at = time.monotonic() + REDIS_RETRY_S
                if not self._was_away:
                    log.warning("limits_not_shared", reason=type(exc).__name__)
                self._was_away = True
            else:
                self._was_away = False
                return wait_s
        return await _hit(self._here, item, *key)

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        if self._close is not None:
            await self._close()

    def _open(self, url: str) -> SlidingWindowCounterRateLimiter:
        import_module("redis.asyncio")  # 0.2 s, and nobody needs it without REDIS_URL
        from limits.aio.storage import RedisStorage
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        again = cast("Any", Retry(NoBackoff(), 1))  # on a new connection: an idle one may be closed on the other side
        storage = RedisStorage(
            "async+" + url.replace("unix://", "redis+unix://", 1),
            implementation="redispy",
            key_prefix=self._prefix,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=again,
        )
        self._close = cast("Any", storage.bridge).storage.aclose
        return SlidingWindowCounterRateLimiter(storage)


async def _hit(windows: SlidingWindowCounterRateLimiter, item: RateLimitItem, *key: str) -> float | None:
    if await windows.hit(item, *key):
        return None
    window = await windows.get_window_stats(item, *key)
    return max(1.0, window.reset_time - time.time())


class RateLimits:
    """Requests a minute and open streams, per reader and over all. A `client` of None (the author's own desk) has no limit.

    Requests are counted over all processes that share a Redis, streams in each.
    """

    def __init__(self, settings: Settings) -> None:
        questions = settings.requests_per_minute
        self._windows = _Windows(settings)
        self._per_reader = _items(questions)
        self._of_key = {key_client(one.name): _items(one.requests_per_minute) for one in reader_keys(settings.reader_api_keys)}
        self._over_all = {kind: RateLimitItemPerMinute(item.amount * READERS) for kind, item in self._per_reader.items()}
        self._streams: Counter[str] = Counter()
        self.max_streams = settings.max_streams
        self._max_streams_each = min(settings.max_streams, max(MIN_STREAMS, settings.max_streams // STREAMS_SHARE))

    async def admit(self, client: str | None, kind: RequestKind) -> None:
        """Count one request; raises `RequestError` 429 with the time to wait when it is one too many."""
        if client is None:
            return
        own = self._of_key.get(client, self._per_reader)[kind]
        for item, key in ((own, client), (self._over_all[kind], "")):
            if (wait_s := await self._windows.hit(item, kind, key)) is not None:
                message = "That was a lot of questions at once. Please wait a moment and ask again."
                raise RequestError("rate_limited", message, status=429, retry_after_s=wait_s)

    @contextmanager
    def stream(self, client: str | None) -> Generator[None]:
        """Hold one of the open streams; raises `RequestError` 503 when all are taken, 429 when this reader has too many."""
        if client is not None and self._streams[client] >= self._max_streams_each:
            message = "You have several answers on the way already. Please wait for one to end."
            raise RequestError("too_many_streams", message, status=429, retry_after_s=BUSY_RETRY_S)
        if self._streams.total() >= self.max_streams:
            message = "Many people are asking right now. Please try again in a moment."
            raise RequestError("busy", message, status=503, retry_after_s=BUSY_RETRY_S)
        key = client or ""
        self._streams[key] += 1
        try:
            yield
        finally:
            self._streams[key] -= 1
            if not self._streams[key]:
                del self._streams[key]

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        await self._windows.aclose()

    @property
    def open_streams(self) -> int:
        """Answers on their way right now."""
        return self._streams.total()


def _items(questions: int) -> dict[RequestKind, RateLimitItem]:
    return {
        "question": RateLimitItemPerMinute(questions),
        "lookup": RateLimitItemPerMinute(questions * LOOKUPS_PER_QUESTION),
    }


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port and brackets; IPv4 inside IPv6 is IPv4. None for anything else."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _network(address: IPv4Address | IPv6Address) -> str:
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)

"""A server that is away costs a reader one wait: whoever comes after is told at once, until it answers again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import ServiceError

READER_LIMIT_S = 2.0
"""Most that one call of a reader takes, tries and pauses included."""
FIRST_PROBE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""After a failure the server is asked in the background so often at first, and then half as often each time."""
AWAY = frozenset({"timeout", "connection"})
"""Codes of errors that say nothing of the request: the server does not answer, or not in time."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Breaker:
    """Lets calls through while the server answers. Raises `ServiceError` of the last failure while it does not."""

    def __init__(self, probe: Callable[[], Awaitable[object]], address: str) -> None:
        """`probe`: a call that the server answers when it is back; `address`: what errors call it."""
        self._probe = probe
        self._address = address
        self._failure: ServiceError | None = None
        self._probing: asyncio.Task[None] | None = None

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives, within `READER_LIMIT_S`."""
        if self._failure is not None:
            raise self._error(str(self._failure), self._failure.code)
        try:
            async with asyncio.timeout(READER_LIMIT_S):
                return await ask()
        except TimeoutError as exc:
            error = self._error(f"Qdrant at {self._address} did not answer within {READER_LIMIT_S:g} s.", "timeout")
            self._open(error)
            raise error from exc
        except ServiceError as exc:
            if exc.code in AWAY:
                self._open(exc)
            raise

    async def aclose(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])

    def _open(self, failure: ServiceError) -> None:
        if self._failure is None:
            _log.warning("%s Readers are told so at once until it answers again.", failure)
            self._failure = failure
            self._probing = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        pause_s = FIRST_PROBE_S
        while self._failure is not None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            try:
                async with asyncio.timeout(READER_LIMIT_S):
                    await self._probe()
            except (ServiceError, TimeoutError):
                continue
            self._failure = None
            _log.info("Qdrant at %s answers again.", self._address)

    def _error(self, message: str, code: str | None) -> ServiceError:
        return ServiceError("qdrant", message, transient=True, code=code)

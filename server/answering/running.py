"""The answers on their way, so that a reader can stop one, whichever replica writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

from server.redis_server import RedisServer
from shared.errors import ServiceError

LOOK_EVERY_S = 0.25
LOOKS = 4
"""How often whoever asked for a stop looks whether another replica has done it."""
WANTED_S = 10
"""How long a stop that nobody did stays wanted where its replica died."""


class RunningAnswers:
    """How to stop each answer, by its message id: only who got the answer knows it, and it cannot be guessed."""

    def __init__(self) -> None:
        self._stops: dict[str, Callable[[], None]] = {}

    @contextmanager
    def stoppable(self, message_id: str, stop: Callable[[], None]) -> Generator[None]:
        """Meanwhile `stop` ends that answer."""
        self._stops[message_id] = stop
        try:
            yield
        finally:
            del self._stops[message_id]

    async def stop(self, message_id: str) -> bool:
        """End that answer, with `Done`; False when it is not on its way."""
        return self._stop(message_id)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _stop(self, message_id: str) -> bool:
        stop = self._stops.get(message_id)
        if stop is None:
            return False
        stop()
        return True


class SharedRunning(RunningAnswers):
    """The same for the replicas of one service: what one is asked to stop and does not have, the others find in Redis."""

    def __init__(self, redis: RedisServer, name: str) -> None:
        """`name`: of the service, whose answers these are."""
        super().__init__()
        self._redis = redis
        self._wanted = f"lectern:stop:{name}"
        self._watching: asyncio.Task[None] | None = None

    @contextmanager
    def stoppable(self, message_id: str, stop: Callable[[], None]) -> Generator[None]:
        """See `RunningAnswers`; while there is one, Redis is looked into."""
        with super().stoppable(message_id, stop):
            if self._watching is None or self._watching.done():
                self._watching = asyncio.create_task(self._watch())
            yield

    async def stop(self, message_id: str) -> bool:
        """See `RunningAnswers`; takes a second where no replica has it."""
        if self._stop(message_id):
            return True
        try:
            await self._redis.run("SADD", self._wanted, message_id)
            await self._redis.run("EXPIRE", self._wanted, WANTED_S)
            for _ in range(LOOKS):
                await asyncio.sleep(LOOK_EVERY_S)
                if not await self._redis.run("SISMEMBER", self._wanted, message_id):
                    return True
            return not await self._redis.run("SREM", self._wanted, message_id)
        except ServiceError:
            return False

    async def aclose(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while self._stops:
            try:
                for wanted in await self._redis.run("SMEMBERS", self._wanted):
                    if self._stop(wanted.decode()):
                        await self._redis.run("SREM", self._wanted, wanted)
            except ServiceError:
                pass  # it is tried again
            await asyncio.sleep(LOOK_EVERY_S)

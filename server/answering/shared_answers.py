"""Recordings of recent answers in Redis, so that a reader whose connection broke can come back to another replica.

An answer is a list of its frames, the last one empty. While it is on its way, the list ends by itself `ALIVE_S` after the last
sign of the process that writes it: of an answer whose process died, nothing is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing

from server.answering.resume import KEEP_S, RecentAnswers, Recording
from server.redis_server import RedisServer
from shared.errors import ServiceError

ALIVE_S = 10
SIGN_EVERY_S = 3.0
WRITE_EVERY_S = 0.25
"""Frames made meanwhile go into one command: a token a command would cost more than the answer."""
LOOK_EVERY_S = 0.1
_END = b""


class SharedAnswers(RecentAnswers):
    """`RecentAnswers` that the replicas of one service have in common."""

    def __init__(self, redis: RedisServer, name: str) -> None:
        """`name`: of the service, whose answers these are."""
        super().__init__()
        self._redis = redis
        self._prefix = f"lectern:resume:{name}:"
        self._tasks: set[asyncio.Task[None]] = set()

    def record(self, key: str) -> Recording:
        """See `RecentAnswers`; written to Redis as it grows."""
        recording = super().record(key)
        self._start(self._write(self._prefix + key, recording))
        return recording

    async def fetch(self, key: str, cut_off: Callable[[Recording], None]) -> Recording | None:
        """See `RecentAnswers`."""
        recording = Recording(0.0)
        try:
            if not await self._copy(self._prefix + key, recording):
                self._start(self._follow(self._prefix + key, recording, cut_off))
        except (ServiceError, LookupError):
            return None
        return recording

    async def aclose(self) -> None:
        """See `RecentAnswers`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self, name: str, recording: Recording) -> None:
        try:
            await self._redis.run("DEL", name)
            async with aclosing(recording.batches(0, sign_every_s=SIGN_EVERY_S)) as batches:
                async for frames in batches:
                    if not recording.is_whole:
                        await self._redis.run("DEL", name)
                        return
                    if frames:
                        await self._redis.run("RPUSH", name, *frames)
                    await self._redis.run("EXPIRE", name, ALIVE_S)
                    await asyncio.sleep(WRITE_EVERY_S)
            await self._redis.run("RPUSH", name, _END)
            await self._redis.run("EXPIRE", name, round(KEEP_S))
        except ServiceError:
            return  # it can be taken up again here, and nowhere else

    async def _copy(self, name: str, recording: Recording) -> bool:
        """Append what came since; whether that was all. Raises `LookupError` where there is no such answer any more."""
        frames: list[bytes] = await self._redis.run("LRANGE", name, recording.next_id - 1, -1)
        if not frames and not await self._redis.run("EXISTS", name):
            raise LookupError(name)
        for frame in frames:
            if frame == _END:
                recording.finish()
                return True
            recording.append(frame)
        return False

    async def _follow(self, name: str, recording: Recording, cut_off: Callable[[Recording], None]) -> None:
        try:
            while not await self._copy(name, recording):  # noqa: ASYNC110  what changes is in another process
                await asyncio.sleep(LOOK_EVERY_S)
        except (ServiceError, LookupError):
            cut_off(recording)
            recording.finish()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

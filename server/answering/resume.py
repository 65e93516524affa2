"""What was sent of recent answers, so that a broken connection can be taken up again (`Last-Event-ID`).

An answer is found by who asked what: the browser's own reconnection sends the same body again with the id of the last event
it saw. Kept in memory, for minutes, within bounds; with REDIS_URL also for other replicas (`shared_answers.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from hashlib import sha256

KEEP_S = 180.0
MAX_ANSWERS = 100
MAX_BYTES = 96 * 1024
"""Frames kept of one answer, a thousand tokens or so; a longer one cannot be taken up again."""


class Recording:
    """The frames of one answer in order; the n-th has the event id n."""

    def __init__(self, expires_at: float) -> None:
        self.expires_at = expires_at
        self._frames: list[bytes] = []
        self._size_bytes = 0
        self._finished = False
        self._changed: asyncio.Event | None = None
        """Set at the next frame; there only while somebody waits for it."""

    @property
    def next_id(self) -> int:
        """Event id of the frame recorded next."""
        return len(self._frames) + 1

    @property
    def is_whole(self) -> bool:
        """Whether every frame was kept."""
        return self._size_bytes <= MAX_BYTES

    def is_over_after(self, event_id: int) -> bool:
        """Whether nothing follows that event any more."""
        return self._finished and event_id >= len(self._frames)

    def append(self, frame: bytes) -> None:
        """Keep one more frame."""
        self._size_bytes += len(frame)
        self._frames.append(frame if self.is_whole else b"")
        self._notify()

    def finish(self) -> None:
        """No frame follows."""
        self._finished = True
        self._notify()

    async def follow(self, after: int) -> AsyncGenerator[bytes]:
        """The frames after event id `after`: those there are, then those that still come."""
        async with aclosing(self.batches(after)) as batches:
            async for frames in batches:
                for frame in frames:
                    yield frame

    async def batches(self, after: int, *, sign_every_s: float | None = None) -> AsyncGenerator[Sequence[bytes]]:
        """The same, those that are ready together; and none, whenever nothing has come for `sign_every_s`."""
        position = max(0, after)
        while True:
            if ready := self._frames[position:]:
                position += len(ready)
                yield ready
            elif self._finished:
                return
            else:
                self._changed = self._changed or asyncio.Event()
                try:
                    async with asyncio.timeout(sign_every_s):
                        await self._changed.wait()
                except TimeoutError:
                    yield ()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


class RecentAnswers:
    """Recordings of recent answers by who asked what."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recordings: OrderedDict[str, Recording] = OrderedDict()

    @staticmethod
    def key(*parts: str | bytes | None) -> str:
        """What identifies an answer: the caller, the address and the body."""
        encoded = (part.encode() if isinstance(part, str) else part or b"" for part in parts)
        return sha256(b"\0".join(encoded)).hexdigest()

    def record(self, key: str) -> Recording:
        """A new recording under `key`; it takes the place of an older one."""
        self._forget()
        recording = Recording(self._clock() + KEEP_S)
        self._recordings.pop(key, None)
        self._recordings[key] = recording
        return recording

    def find(self, key: str) -> Recording | None:
        """The recording under `key`, when it is whole and not too old."""
        self._forget()
        recording = self._recordings.get(key)
        return recording if recording and recording.is_whole else None

    async def fetch(self, key: str, cut_off: Callable[[Recording], None]) -> Recording | None:
        """A copy of another replica's recording under `key`, which grows as that does; None: there is none. Never raises.

        `cut_off`: writes the end of an answer whose process died.
        """
        del key, cut_off

    async def aclose(self) -> None:
        """Stop what goes on in the background."""

    def _forget(self) -> None:
        now = self._clock()
        while self._recordings:
            oldest = next(iter(self._recordings.values()))
            if oldest.expires_at > now and len(self._recordings) < MAX_ANSWERS:
                return
            self._recordings.popitem(last=False)

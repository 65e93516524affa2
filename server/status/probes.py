"""How the things we depend on are, asked in the background: looking at the answer never waits long for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.status.health_report import LiveBuild
from shared.errors import LecternError
from shared.models import Build

T = TypeVar("T")

ASK_TIMEOUT_S = 5.0
WAIT_S = 0.7
"""Most that a look waits for what is asked in the background."""


@dataclass(frozen=True, slots=True)
class ProbeResult(Generic[T]):
    """What the last answer was."""

    is_well: bool
    value: T | None


class Probe(Generic[T]):
    """One thing to ask, at most every `max_age_s` seconds however often somebody looks."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, max_age_s: float) -> None:
        self._ask = ask
        self._max_age_s = max_age_s
        self._result: ProbeResult[T] | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def look(self, wait_s: float) -> ProbeResult[T] | None:
        """The last result, renewed first where it is old and the answer comes within `wait_s`; None before the first."""
        if time.monotonic() - self._asked_at >= self._max_age_s and self._asking is None:
            self._asking = asyncio.create_task(self._renew())
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=wait_s)
        return self._result

    async def ask_now(self, wait_s: float) -> bool:
        """Whether it answers within `wait_s`, however lately it was asked; who asks meanwhile gets the same answer."""
        began = time.monotonic()
        self._asking = self._asking or asyncio.create_task(self._renew())
        await asyncio.wait({self._asking}, timeout=wait_s)
        return self._asked_at >= began and self._result is not None and self._result.is_well

    async def aclose(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                self._result = ProbeResult(is_well=True, value=await self._ask())
        except (LecternError, TimeoutError):
            self._result = ProbeResult(is_well=False, value=None)
        finally:
            self._asked_at = time.monotonic()
            self._asking = None


async def live_build(probe: Probe[Build | None]) -> LiveBuild | None:
    """The live build, as callers may see it: without where the book was read from."""
    result = await probe.look(WAIT_S)
    if result is None or result.value is None:
        return None
    return LiveBuild.model_validate(result.value.model_dump(include=set(LiveBuild.model_fields)))


async def is_well(probe: Probe[None] | None) -> bool:
    """Whether it was used and answered when it was last asked."""
    result: ProbeResult[None] | None = await probe.look(WAIT_S) if probe else None
    return result is not None and result.is_well

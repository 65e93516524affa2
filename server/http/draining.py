"""Going down without cutting anyone off: no new answers, running ones end, and only then are the clients closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FINISH_S = 4.0
"""Running answers may end on their own for this long; the whole stays below the 10 s supervisors wait before they kill."""
CLOSE_S = 2.0
"""Time to write the last two frames to everyone."""
_POLL_S = 0.02


class Draining:
    """Whether the process is going down, and how far it is."""

    def __init__(self) -> None:
        self.is_draining = False
        """No new answers are begun."""
        self.closing = asyncio.Event()
        """Set when running answers must end now, with an error and `done`."""

    async def run(self, open_streams: Callable[[], int]) -> None:
        """Return when no answer is on its way any more, or time is up."""
        self.is_draining = True
        await self._until_none(open_streams, FINISH_S, stop_early=True)
        self.closing.set()
        await self._until_none(open_streams, CLOSE_S, stop_early=False)

    async def _until_none(self, open_streams: Callable[[], int], limit_s: float, *, stop_early: bool) -> None:
        deadline = asyncio.get_running_loop().time() + limit_s
        while open_streams() and asyncio.get_running_loop().time() < deadline:
            if stop_early and self.closing.is_set():
                return
            await asyncio.sleep(_POLL_S)

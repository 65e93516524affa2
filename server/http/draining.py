"""Going down without cutting anyone off: no new answers, running ones end, and only then are the clients closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

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
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                while open_streams() and not self.closing.is_set():  # noqa: ASYNC110  an answer that ends sends no event
                    await asyncio.sleep(_POLL_S)
        self.closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while open_streams():  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)

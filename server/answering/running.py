"""The answers on their way, so that a reader can stop one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager


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

    def stop(self, message_id: str) -> bool:
        """End that answer, with `Done`; False when it is not on its way."""
        stop = self._stops.get(message_id)
        if stop is None:
            return False
        stop()
        return True

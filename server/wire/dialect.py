"""What every encoder of a stream is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from server.answering.events import ChatEvent
from server.answering.resume import Recording


class Dialect(Protocol):
    """How one answer looks on the wire; one is made per answer."""

    @property
    def content_type(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What the response carries beside the type."""
        ...

    @property
    def ping(self) -> bytes:
        """What fills a silence; empty where the format has no comment."""
        ...

    def encode(self, event: ChatEvent) -> bytes:
        """Whole frames; empty where the dialect says nothing of the event."""
        ...


class Recorded:
    """A dialect whose frames are kept, for whoever follows the same answer."""

    def __init__(self, dialect: Dialect, recording: Recording) -> None:
        self.content_type = dialect.content_type
        self.headers = dialect.headers
        self.ping = dialect.ping
        self._dialect = dialect
        self._recording = recording

    def encode(self, event: ChatEvent) -> bytes:
        """As the dialect does."""
        frames = self._dialect.encode(event)
        self._recording.append(frames)
        return frames

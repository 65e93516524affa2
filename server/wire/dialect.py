"""What every encoder of a stream is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from server.answering.events import ChatEvent


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

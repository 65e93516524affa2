"""The text dialect: the words alone, as the widgets of `/chat/stream` read them.

A frame is `data: {"content": ..., "chunk": ...}`, the same text under both names; the stream ends with `data: [DONE]`. One of
those widgets prints any other object as an answer, so nothing else is said: a failure is a readable text, then
`data: [ERROR]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from server.answering.events import ChatEvent, Done, Failed, TextDelta

_PIECE = 90
"""Characters in a frame: twice, and of at most six bytes each (`\\u0000`), they stay under `native.FRAME_BYTES`."""
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class TextStream:
    """One answer in the text dialect."""

    content_type = "text/event-stream; charset=utf-8"
    headers: Mapping[str, str] = {}
    ping = b": ping\n\n"

    def __init__(self) -> None:
        self._last = ""

    def encode(self, event: ChatEvent) -> bytes:
        """The event's frames; nothing of what is no text."""
        match event:
            case TextDelta():
                self._last = event.content
                return _frames(event.content)
            case Failed():
                is_said = self._last == event.message  # an answer without a word says it as text before it fails
                return (b"" if is_said else _frames(f"\n\n{event.message}")) + b"data: [ERROR]\n\n"
            case Done():
                return b"data: [DONE]\n\n"
            case _:
                return b""


def _frames(text: str) -> bytes:
    pieces = (_to_json(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))
    return "".join(f'data: {{"content":{piece},"chunk":{piece}}}\n\n' for piece in pieces).encode("utf-8", "replace")

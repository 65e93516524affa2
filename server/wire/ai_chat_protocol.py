"""The Microsoft AI Chat Protocol: one JSON object a line, each an `AIChatCompletionDelta`, or an `error` with code and message.

The text is in `delta.content`; what was offered, and what was cited of it, in `context`; our `session_id` is `sessionState`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from server.answering.events import ChatEvent, Done, Failed, Sources, Start, TextDelta

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class JsonLines:
    """One answer as lines of JSON. A line has no comments, so a silence stays one."""

    headers: Mapping[str, str] = {}
    ping = b""

    def __init__(self, content_type: str) -> None:
        """`content_type`: the name that lines of JSON were asked for by."""
        self.content_type = content_type

    def encode(self, event: ChatEvent) -> bytes:
        """The event's line."""
        match event:
            case TextDelta():
                return f'{{"delta":{{"content":{_to_json(event.content)}}}}}\n'.encode("utf-8", "replace")
            case Start():
                context = {"message_id": event.message_id, "metadata": event.metadata}
                return _line({"delta": {"role": "assistant"}, "context": context, "sessionState": event.session_id})
            case Sources():
                sources = [source.model_dump(mode="json") for source in event.sources]
                return _line({"delta": {}, "context": {"sources": sources}})
            case Failed():
                return _line({"error": {"code": event.error, "message": event.message}})
            case Done():
                context = event.model_dump(mode="json", exclude={"type", "session_id", "sources"})
                return _line({"delta": {}, "context": context, "sessionState": event.session_id})


def _line(body: dict[str, Any]) -> bytes:
    return f"{_to_json(body)}\n".encode("utf-8", "replace")

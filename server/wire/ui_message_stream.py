"""The UI message stream of the AI SDK, version 5 and later, as `useChat` reads it (ai-sdk.dev, "Stream Protocols").

Its client refuses any key that it does not know, so each part has exactly the keys of version 5. What was offered is one part
`data-sources`; each source that the text cites becomes a `source-url` once the text is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from server.answering.events import ChatEvent, Done, Failed, Sources, Start, TextDelta

_TEXT_ID = "text"
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class UIMessageStream:
    """One answer as the parts of a UI message, then `[DONE]`."""

    content_type = "text/event-stream; charset=utf-8"
    headers: Mapping[str, str] = {"x-vercel-ai-ui-message-stream": "v1"}
    ping = b": ping\n\n"

    def __init__(self) -> None:
        self._is_text_open = False

    def encode(self, event: ChatEvent) -> bytes:
        """The event's parts as server-sent events."""
        match event:
            case TextDelta():
                delta = f'data: {{"type":"text-delta","id":"{_TEXT_ID}","delta":{_to_json(event.content)}}}\n\n'
                return self._open_text() + delta.encode("utf-8", "replace")
            case Start():
                metadata = {"session_id": event.session_id}
                return _part("start", messageId=event.message_id, messageMetadata=metadata) + _part("start-step")
            case Sources():
                return _part("data-sources", id="sources", data=[source.model_dump(mode="json") for source in event.sources])
            case Failed():
                return self._close_text() + _part("error", errorText=event.message)
            case Done():
                return self._close_text() + _ending(event)

    def _open_text(self) -> bytes:
        if self._is_text_open:
            return b""
        self._is_text_open = True
        return _part("text-start", id=_TEXT_ID)

    def _close_text(self) -> bytes:
        if not self._is_text_open:
            return b""
        self._is_text_open = False
        return _part("text-end", id=_TEXT_ID)


def _ending(done: Done) -> bytes:
    cited = b"".join(
        _part("source-url", sourceId=str(source.n), url=source.url, title=source.title) for source in done.sources if source.url
    )
    metadata = done.model_dump(
        mode="json", include={"session_id", "finish_reason", "abstained", "degraded", "cited", "suggestions", "usage"}
    )
    return cited + _part("finish-step") + _part("finish", messageMetadata=metadata | done.again) + b"data: [DONE]\n\n"


def _part(kind: str, **fields: Any) -> bytes:
    return f"data: {_to_json({'type': kind, **fields})}\n\n".encode("utf-8", "replace")

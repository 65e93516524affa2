"""In which form an answer is sent: as a stream, or as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from server.http import names
from server.http.names import Fields

EVENT_STREAM = "text/event-stream"
JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/jsonl")
"""Lines of JSON, under the names that clients of the Microsoft AI Chat Protocol ask for them by."""


def wants_stream(body: Mapping[str, Any], accept: str, *, path: str, streams_by_default: bool) -> bool:
    """Whether the answer is streamed. `path`: the address asked, as it was registered.

    What was said plainest decides: a path that streams, the field `stream` (OpenAI's clients accept JSON even when they
    stream), the Accept header where it names one of the two, then what the front ends of that address read.
    """
    if path.endswith(names.STREAM_SUFFIX):
        return True
    fields = Fields(body)
    if (said := fields.flag(*names.STREAM)) is not None:
        return said
    stream, whole = max(_quality(accept, name) for name in (EVENT_STREAM, *JSON_LINES)), _quality(accept, JSON)
    if stream != whole:
        return stream > whole
    if stream:
        return True
    if is_first_widget(body):
        return True
    reads_json = path not in {"/chat", "/chat/selection"} or any(fields.given(*names.JSON_QUESTION))
    return streams_by_default and not reads_json


def json_lines_wanted(accept: str) -> str | None:
    """The name by which the Accept header wants lines of JSON, where it wants nothing more than them."""
    wanted = max(JSON_LINES, key=lambda name: _quality(accept, name))
    quality = _quality(accept, wanted)
    return wanted if quality and quality >= max(_quality(accept, EVENT_STREAM), _quality(accept, JSON)) else None


def is_first_widget(body: Mapping[str, Any]) -> bool:
    """Whether the body is one of the first chatbot's own page, which shows nothing but what a stream says."""
    return "context_window" in body


def _quality(accept: str, mime: str) -> float:
    """How much a header wants exactly this type, 0 to 1 (RFC 9110, 12.5.1); a wildcard says nothing of it."""
    wanted = parse_accept_header(accept, MIMEAccept)
    return max((quality for name, quality in wanted if name.partition(";")[0].strip().lower() == mime), default=0.0)

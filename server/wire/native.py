"""The native dialect: one server-sent event per `ChatEvent`.

A frame is `id: n`, one `data:` line holding one JSON object, and a blank line (WHATWG HTML, "Server-sent events"). Widgets in
the wild parse each network read on its own, so a frame must arrive in one piece: it stays under `FRAME_BYTES`, or where it
lists sources under `SOURCES_BYTES`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from server.answering.events import ChatEvent, CitedSource, Done, Failed, Sources, Start, TextDelta
from server.answering.resume import Recording

CONTENT_TYPE = "text/event-stream; charset=utf-8"
PING = b": ping\n"
"""No blank line: `fetch-event-source` would take it for the end of an event without data, and pages parse that."""
FRAME_BYTES = 1200
"""Less than one TCP segment on an Ethernet path (1,460 bytes) with the chunked encoding's frame around it."""

SOURCES_BYTES = 4000
"""Of a frame that lists sources: five with whole titles and long addresses. It is still one write."""

_LARGEST_ID = 10**7
_WIDTHS = (120, 80, 60, 48, 40, 32, 24, 18, 12)
"""Characters a label is cut to, tried in this order until the frame fits."""
_READABLE = 40
_SHORTEST = _WIDTHS[-1]
_SURELY_FITS = 180
"""Characters of text that fit whatever they are: none takes more than six bytes (`\\u0000`)."""
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class NativeStream:
    """One answer in the native dialect, recorded for a reader who comes back."""

    content_type = CONTENT_TYPE
    headers: Mapping[str, str] = {}
    ping = PING

    def __init__(self, recording: Recording, *, says_final: bool = False) -> None:
        """`says_final`: the whole answer comes once more before `done`, as the first chatbot's own page reads it."""
        self._recording = recording
        self._says_final = says_final
        self._text: list[str] = []
        self._offered: tuple[CitedSource, ...] = ()

    def encode(self, event: ChatEvent) -> bytes:
        """The event's frames."""
        if not self._says_final:
            return self._record(event)
        match event:
            case TextDelta():
                self._text.append(event.content)
            case Sources():
                self._offered = event.sources
            case Done():
                return self._keep(self._final(event)) + self._record(event)
            case _:
                pass
        return self._record(event)

    def _record(self, event: ChatEvent) -> bytes:
        if _surely_fits(event):  # one per token
            return self._keep(encode(event, self._recording.next_id))
        return b"".join(self._keep(encode(part, self._recording.next_id)) for part in fit(event))

    def _keep(self, frame: bytes) -> bytes:
        self._recording.append(frame)
        return frame

    def _final(self, done: Done) -> bytes:
        sources = [source.model_dump(mode="json") for source in done.sources or self._offered]
        final = {"type": "final", "content": "", "done": False, "answer": "".join(self._text), "sources": sources}
        return f"id: {self._recording.next_id}\ndata: {_to_json(final)}\n\n".encode("utf-8", "replace")


def encode(event: ChatEvent, event_id: int) -> bytes:
    """One frame, whatever its size; `fit` first."""
    if isinstance(event, TextDelta):  # one per token: no dict is made
        body = f'{{"type":"chunk","content":{_to_json(event.content)},"done":false}}'
    else:
        payload: dict[str, Any] = {"type": event.type, "content": "", "done": isinstance(event, Done)}
        payload |= event.model_dump(mode="json", exclude={"type"})
        if isinstance(event, Done):
            payload["sources"] = [
                source.model_dump(mode="json", exclude={"title", "score", "quote"}) for source in event.sources
            ]
        body = _to_json(payload)
    return f"id: {event_id}\ndata: {body}\n\n".encode("utf-8", "replace")  # an upstream can cut a surrogate pair in two


def fit(event: ChatEvent) -> list[ChatEvent]:
    """Events that say the same in frames that are small enough.

    Text is split. Anything else stays one event: labels are clipped, then what can be missed is dropped, and of too many
    sources the last.
    """
    if _surely_fits(event) or _fits(event):
        return [event]
    match event:
        case TextDelta():
            return [TextDelta(part) for part in _split(event.content)]
        case Start():
            return [_first_that_fits(_smaller_starts(event))]
        case Sources():
            return [_first_that_fits(_smaller_sources(event))]
        case Done():
            return [_first_that_fits(_smaller_dones(event))]
        case Failed():
            return [_first_that_fits(event.model_copy(update={"message": _clip(event.message, w)}) for w in (600, *_WIDTHS))]


def _surely_fits(event: ChatEvent) -> bool:
    return isinstance(event, TextDelta) and len(event.content) <= _SURELY_FITS


def _fits(event: ChatEvent) -> bool:
    return len(encode(event, _LARGEST_ID)) < (SOURCES_BYTES if isinstance(event, (Sources, Done)) else FRAME_BYTES)


def _first_that_fits(variants: Iterator[ChatEvent]) -> ChatEvent:
    """The first variant that fits, or the last: every sequence ends with one that holds next to nothing."""
    smaller = next(variants)
    while not _fits(smaller) and (smallest := next(variants, None)):
        smaller = smallest
    return smaller


def _split(text: str) -> Iterator[str]:
    room = FRAME_BYTES - len(encode(TextDelta(""), _LARGEST_ID)) - 1
    start = size = 0
    for position, character in enumerate(text):
        cost = len(json.dumps(character, ensure_ascii=False).encode("utf-8", "replace")) - 2
        if size + cost > room:
            yield text[start:position]
            start, size = position, 0
        size += cost
    yield text[start:]


def _smaller_starts(event: Start) -> Iterator[ChatEvent]:
    for width in _WIDTHS:
        clipped = {key: _clip(value, width) if isinstance(value, str) else value for key, value in event.metadata.items()}
        yield event.model_copy(update={"metadata": clipped})
    yield event.model_copy(update={"metadata": {}})


def _smaller_sources(event: Sources) -> Iterator[ChatEvent]:
    event = event.model_copy(update={"sources": tuple(one.model_copy(update={"quote": ""}) for one in event.sources)})
    yield event
    for width in _WIDTHS:
        title_width = width if width >= _READABLE else _SHORTEST  # the chapter mostly says what the title does
        yield event.model_copy(update={"sources": _clipped(event.sources, width, title_width)})
    shortest = _clipped(event.sources, _SHORTEST, _SHORTEST)
    for count in range(len(shortest) - 1, -1, -1):
        yield event.model_copy(update={"sources": shortest[:count]})


def _smaller_dones(event: Done) -> Iterator[ChatEvent]:
    for width in _WIDTHS:
        suggestions = tuple(_clip(suggestion, width) for suggestion in event.suggestions)
        yield event.model_copy(update={"sources": _clipped(event.sources, width, width), "suggestions": suggestions})
    shortest = _clipped(event.sources, _SHORTEST, _SHORTEST)
    for count in range(len(shortest), -1, -1):
        yield event.model_copy(update={"suggestions": (), "metadata": {}, "sources": shortest[:count]})


def _clipped(sources: tuple[CitedSource, ...], width: int, title_width: int) -> tuple[CitedSource, ...]:
    return tuple(
        source.model_copy(
            update={
                "title": _clip(source.title, title_width),
                "chapter": _clip(source.chapter, width),
                "section": _clip(source.section, width),
            }
        )
        for source in sources
    )


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"

"""OpenAI's dialect: `chat.completion` and its stream of `chat.completion.chunk` (Chat Completions API reference).

What OpenAI has no place for stands under keys of its own beside theirs, which its clients keep as extra fields: `sources` in a
chunk of its own before the text, `session_id`, `cited`, `abstained` and `cached` with the `finish_reason`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from server.answering.events import ChatEvent, Done, Failed, Sources, Start, TextDelta, Usage

MODEL = "lectern"
"""The one model of `/v1/models`. What answers behind it is the operator's choice; a request may name any."""

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class CompletionStream:
    """One answer as chunks, then `[DONE]`. After an error chunk, at which OpenAI's clients raise, nothing is finished."""

    content_type = "text/event-stream; charset=utf-8"
    headers: Mapping[str, str] = {}
    ping = b": ping\n\n"

    def __init__(self, *, created: int, include_usage: bool = False) -> None:
        """`created`: Unix seconds. `include_usage`: a last chunk without choices says what was used."""
        self._created = created
        self._include_usage = include_usage
        self._common: dict[str, Any] = {}
        self._before_text = ""
        self._after_text = ""
        self._has_failed = False

    def encode(self, event: ChatEvent) -> bytes:
        """The event's chunks as server-sent events."""
        match event:
            case TextDelta():  # one per token: no dict is made
                return f"{self._before_text}{_to_json(event.content)}{self._after_text}".encode("utf-8", "replace")
            case Start():
                self._begin(event)
                return self._chunk({"role": "assistant", "content": ""}, session_id=event.session_id)
            case Sources():
                return self._chunk({}, sources=[source.model_dump(mode="json") for source in event.sources])
            case Failed():
                self._has_failed = True
                return _frame(error_body(event.message, code=event.error, kind="server_error"))
            case Done():
                return self._ending(event) + b"data: [DONE]\n\n"

    def _begin(self, start: Start) -> None:
        self._common = {
            "id": _id(start.message_id),
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": MODEL,
        }
        if self._include_usage:
            self._common["usage"] = None
        common = _to_json(self._common)[:-1]
        self._before_text = f'data: {common},"choices":[{{"index":0,"delta":{{"content":'
        self._after_text = '},"finish_reason":null}]}\n\n'

    def _ending(self, done: Done) -> bytes:
        if self._has_failed:
            return b""
        finish = self._chunk({}, done.finish_reason, **_extras(done))
        if not self._include_usage:
            return finish
        return finish + _frame({**self._common, "choices": [], "usage": _usage(done.usage)})

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None, **extras: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _frame({**self._common, "choices": [choice], **extras})


def completion(events: Iterable[ChatEvent], *, created: int) -> dict[str, Any]:
    """One whole answer as `chat.completion`; `created` in Unix seconds."""
    text = ""
    body: dict[str, Any] = {"id": "", "object": "chat.completion", "created": created, "model": MODEL}
    for event in events:
        match event:
            case Sources():
                body["sources"] = [source.model_dump(mode="json") for source in event.sources]
            case TextDelta():
                text += event.content
            case Done():
                message = {"role": "assistant", "content": text, "refusal": None}
                choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": event.finish_reason}
                body |= {"id": _id(event.message_id), "choices": [choice], "usage": _usage(event.usage), **_extras(event)}
            case _:
                pass
    return body


def model_list(*, created: int) -> dict[str, Any]:
    """What `/v1/models` says; `created` in Unix seconds."""
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": created, "owned_by": MODEL}]}


def error_body(message: str, *, code: str, kind: str) -> dict[str, Any]:
    """A failure as OpenAI's clients read it. `kind`: OpenAI's name for whose it is, e.g. `invalid_request_error`."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _id(message_id: str) -> str:
    return f"chatcmpl-{message_id}"


def _extras(done: Done) -> dict[str, Any]:
    return {"session_id": done.session_id, "cited": list(done.cited), "abstained": done.abstained, **done.again}


def _usage(usage: Usage | None) -> dict[str, int]:
    """What was used; nothing where no model upstream was asked."""
    prompt, written = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


def _frame(body: Mapping[str, Any]) -> bytes:
    return f"data: {_to_json(body)}\n\n".encode("utf-8", "replace")

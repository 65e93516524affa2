"""What the OpenAI stand-in's chat model says, and the ways its stream breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tests.support.loopback_http import Exchange

BrokenStream = Literal[
    "slow", "stall", "cut", "truncate", "bad_json", "empty", "no_usage", "error_event", "content_filter", "events"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Armed:
    """A failure waiting for its request."""

    failure: str
    after: int = 2
    """Deltas said before a stream breaks."""
    seconds: float = 30.0
    """How long `slow` and `stall` last."""
    retry_after_s: float | None = None
    events: Sequence[str] = ()
    """The data of each event of `events`, after what was said; then the stream ends in good order."""


async def say(deltas: Sequence[str], finish: str, exchange: Exchange, armed: Armed, pace_s: float) -> bool:
    """Stream the deltas, breaking as `armed` says; True when the stream is to be ended in good order."""
    if armed.failure == "empty":
        return True
    await exchange.send(_delta({"role": "assistant", "content": ""}))
    breaks = armed.failure in set(get_args(BrokenStream)) - {"slow", "no_usage"}
    for delta in deltas[: armed.after] if breaks else deltas:
        if pace_s:
            await exchange.pause(pace_s)
        await exchange.send(_delta({"content": delta}))
    if breaks and armed.failure != "content_filter":
        await _break(exchange, armed)
        return False
    await exchange.send(_delta({}, finish))
    return True


async def _break(exchange: Exchange, armed: Armed) -> None:
    if armed.failure == "stall":
        await exchange.pause(armed.seconds)
    if armed.failure == "bad_json":
        await exchange.send(b'data: {"choices": [{"delta"\n\n')
    if armed.failure == "error_event":
        await exchange.send(event({"error": {"message": "secret detail", "code": "server_error"}}))
    for data in armed.events:
        await exchange.send(f"data: {data}\n\n".encode())
    if armed.failure == "cut":
        exchange.cut()
    else:
        await exchange.end_stream()


def quote_passages(messages: Sequence[dict[str, Any]]) -> list[str]:
    """What the unscripted model says, in deltas of a few characters that cut through words and markers."""
    passages = re.findall(r'<passage n="(\d+)"[^>]*>\s*(.*?)\s*</passage>', messages[-1]["content"], re.DOTALL)
    if passages:
        text = " ".join(f"{(body or 'This').splitlines()[0]} [{n}]." for n, body in passages[:2])
    else:
        text = "[NO_ANSWER] The book does not say."
    return [text[start : start + 7] for start in range(0, len(text), 7)]


def event(fields: dict[str, Any]) -> bytes:
    """One SSE frame of a chat completion."""
    envelope = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "stand-in"}
    return b"data: " + json.dumps({**envelope, **fields}).encode() + b"\n\n"


def completion(text: str, finish: str, usage: dict[str, int]) -> dict[str, Any]:
    """The answer to a request that did not ask for a stream."""
    choices = [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}]
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "stand-in", "choices": choices, "usage": usage}


def count_tokens(messages: Sequence[dict[str, Any]], deltas: Sequence[str]) -> dict[str, int]:
    """A token is a word of the prompt, or a delta of the answer."""
    prompt = sum(len(message["content"].split()) for message in messages)
    return {"prompt_tokens": prompt, "completion_tokens": len(deltas), "total_tokens": prompt + len(deltas)}


def _delta(delta: dict[str, str], finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

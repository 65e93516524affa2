"""Each dialect's bytes, and what its clients make of them wherever the network cuts them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from openai._streaming import SSEDecoder

from server.answering.events import AnswerIds, ChatEvent, TextDelta
from server.answering.progress import AnswerProgress, Cause
from server.wire import native
from server.wire.ai_chat_protocol import JsonLines
from server.wire.openai_completion import CompletionStream, completion
from server.wire.text_stream import TextStream
from server.wire.ui_message_stream import UIMessageStream
from tests.support.fakes import make_source, whole_answer

IDS = AnswerIds("s", "m", "r")
TEXTS = ('Jöints "move"\n☃ \U0001f9be', " [1].")
SOURCE = make_source().model_dump(mode="json")
SOURCE_JSON = json.dumps(SOURCE, separators=(",", ":"))
FIRST_JSON = '"Jöints \\"move\\"\\n☃ \U0001f9be"'
GONE = Cause("upstream_unavailable", "Gone. Try again.")

UI_KEYS = {
    "start": {"messageId", "messageMetadata"},
    "start-step": set[str](),
    "text-start": {"id"},
    "text-delta": {"id", "delta"},
    "text-end": {"id"},
    "source-url": {"sourceId", "url", "title"},
    "data-sources": {"id", "data"},
    "error": {"errorText"},
    "finish-step": set[str](),
    "finish": {"messageMetadata"},
}
"""`uiMessageChunkSchema` of ai 5, as far as it is spoken here; its objects are strict."""


class Dialect:
    """What these tests need of an encoder, and how its client reads it."""

    def __init__(self, make: Callable[[], Any], read: Callable[[Iterable[bytes]], list[Any]]) -> None:
        self.make = make
        self.read = read

    def write(self, events: Iterable[ChatEvent]) -> bytes:
        encoder = self.make()
        return b"".join(encoder.encode(event) for event in events)


def server_sent(pieces: Iterable[bytes]) -> list[str]:
    """The data of every event, by the decoder of OpenAI's own client."""
    return [event.data for event in SSEDecoder().iter_bytes(iter(pieces))]


def json_until_done(pieces: Iterable[bytes]) -> list[Any]:
    *events, last = server_sent(pieces)
    assert last == "[DONE]"
    return [json.loads(event) for event in events]


def lines(pieces: Iterable[bytes]) -> list[Any]:
    """As the protocol's client reads: what follows the last line break waits for the next piece."""
    buffer, read = b"", list[Any]()
    for piece in pieces:
        *whole, buffer = (buffer + piece).split(b"\n")
        read += [json.loads(line) for line in whole]
    assert buffer == b""
    return read


def completion_stream() -> CompletionStream:
    return CompletionStream(created=7, include_usage=True)


TEXT = Dialect(TextStream, server_sent)
OPENAI = Dialect(completion_stream, json_until_done)
UI = Dialect(UIMessageStream, json_until_done)
LINES = Dialect(lambda: JsonLines("application/jsonl"), lines)
ALL = pytest.mark.parametrize("dialect", [TEXT, OPENAI, UI, LINES], ids=["text", "openai", "ui", "lines"])


def broken_answer(*texts: str) -> list[ChatEvent]:
    """An answer that fails after these texts."""
    progress = AnswerProgress(IDS)
    said: list[ChatEvent] = [*whole_answer(IDS)[:2], *map(TextDelta, texts)]
    for event in said:
        progress.note(event)
    return [*said, *progress.ending(GONE)]


def cuts(stream: bytes) -> Iterator[list[bytes]]:
    yield from ([stream[:at], stream[at:]] for at in range(len(stream) + 1))
    yield [stream[at : at + 1] for at in range(len(stream))]


@ALL
@pytest.mark.parametrize("events", [whole_answer(IDS, *TEXTS), broken_answer(), broken_answer("Joints")])
def test_a_stream_reads_the_same_wherever_it_is_cut(dialect: Dialect, events: list[ChatEvent]) -> None:
    stream = dialect.write(events)
    read = dialect.read([stream])
    assert read
    for pieces in cuts(stream):
        assert dialect.read(pieces) == read


@ALL
def test_a_comment_in_a_silence_changes_nothing(dialect: Dialect) -> None:
    encoder, events = dialect.make(), whole_answer(IDS, *TEXTS)
    with_pings = b"".join(encoder.ping + encoder.encode(event) for event in events)
    assert dialect.read([with_pings]) == dialect.read([dialect.write(events)])


@ALL
def test_half_a_character_of_an_upstream_does_no_harm(dialect: Dialect) -> None:
    assert dialect.read([dialect.write(whole_answer(IDS, "a\ud83e", "\udd16b"))])


def test_text_byte_for_byte() -> None:
    assert TEXT.write(whole_answer(IDS, *TEXTS)).decode() == (
        f'data: {{"content":{FIRST_JSON},"chunk":{FIRST_JSON}}}\n\n'
        'data: {"content":" [1].","chunk":" [1]."}\n\n'
        "data: [DONE]\n\n"
    )


def test_long_text_comes_in_frames_small_enough_for_a_reader_without_a_buffer() -> None:
    text = "\u0001ä\U0001f9be" * 500
    frames = TEXT.write([TextDelta(text)]).split(b"\n\n")[:-1]
    assert max(len(frame) for frame in frames) + 2 < native.FRAME_BYTES
    assert "".join(json.loads(frame.removeprefix(b"data: "))["chunk"] for frame in frames) == text


def test_text_that_breaks_off_says_so_in_words_once() -> None:
    gone = json.dumps(GONE.message)
    assert TEXT.write(broken_answer()).decode() == (
        f'data: {{"content":{gone},"chunk":{gone}}}\n\ndata: [ERROR]\n\ndata: [DONE]\n\n'
    )
    *said, error, done = server_sent([TEXT.write(broken_answer("Joints"))])
    assert "".join(json.loads(frame)["content"] for frame in said) == "Joints\n\nGone. Try again."
    assert (error, done) == ("[ERROR]", "[DONE]")


def test_openai_byte_for_byte() -> None:
    common = '"id":"chatcmpl-m","object":"chat.completion.chunk","created":7,"model":"lectern","usage":null'
    stop = '"finish_reason":null}]'
    assert OPENAI.write(whole_answer(IDS, *TEXTS)).decode() == (
        f'data: {{{common},"choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},{stop},"session_id":"s"}}\n\n'
        f'data: {{{common},"choices":[{{"index":0,"delta":{{}},{stop},"sources":[{SOURCE_JSON}]}}\n\n'
        f'data: {{{common},"choices":[{{"index":0,"delta":{{"content":{FIRST_JSON}}},{stop}}}\n\n'
        f'data: {{{common},"choices":[{{"index":0,"delta":{{"content":" [1]."}},{stop}}}\n\n'
        f'data: {{{common},"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}],'
        '"session_id":"s","cited":[1],"abstained":false}\n\n'
        f'data: {{{common.removesuffix("null")}{{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}},'
        '"choices":[]}\n\n'
        "data: [DONE]\n\n"
    )


def test_openai_says_nothing_of_usage_unasked() -> None:
    stream = CompletionStream(created=7)
    chunks = json_until_done([b"".join(stream.encode(event) for event in whole_answer(IDS))])
    assert not any("usage" in chunk for chunk in chunks)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, None, "stop"]


def test_a_broken_openai_stream_ends_with_its_error_and_is_not_finished() -> None:
    chunks = json_until_done([OPENAI.write(broken_answer("Joints"))])
    assert chunks[-1] == {
        "error": {"message": GONE.message, "type": "server_error", "param": None, "code": "upstream_unavailable"}
    }
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks[:-1])


def test_a_whole_openai_completion() -> None:
    assert completion(whole_answer(IDS, *TEXTS), created=7) == {
        "id": "chatcmpl-m",
        "object": "chat.completion",
        "created": 7,
        "model": "lectern",
        "sources": [SOURCE],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "".join(TEXTS), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
        "session_id": "s",
        "cited": [1],
        "abstained": False,
    }


def test_ui_message_stream_byte_for_byte() -> None:
    assert UI.write(whole_answer(IDS, *TEXTS)).decode() == (
        'data: {"type":"start","messageId":"m","messageMetadata":{"session_id":"s"}}\n\n'
        'data: {"type":"start-step"}\n\n'
        f'data: {{"type":"data-sources","id":"sources","data":[{SOURCE_JSON}]}}\n\n'
        'data: {"type":"text-start","id":"text"}\n\n'
        f'data: {{"type":"text-delta","id":"text","delta":{FIRST_JSON}}}\n\n'
        'data: {"type":"text-delta","id":"text","delta":" [1]."}\n\n'
        'data: {"type":"text-end","id":"text"}\n\n'
        f'data: {{"type":"source-url","sourceId":"1","url":"{SOURCE["url"]}","title":"{SOURCE["title"]}"}}\n\n'
        'data: {"type":"finish-step"}\n\n'
        'data: {"type":"finish","messageMetadata":{"session_id":"s","finish_reason":"stop","abstained":false,'
        '"degraded":false,"cited":[1],"suggestions":[],'
        '"usage":{"prompt_tokens":10,"completion_tokens":2,"cost_usd":0.01}}}\n\n'
        "data: [DONE]\n\n"
    )


@pytest.mark.parametrize("events", [whole_answer(IDS, *TEXTS), broken_answer(), broken_answer("Joints")])
def test_a_ui_message_part_has_no_key_its_strict_client_would_refuse(events: list[ChatEvent]) -> None:
    for part in json_until_done([UI.write(events)]):
        assert part.keys() - {"type"} == UI_KEYS[part["type"]]


def test_a_broken_ui_message_closes_its_text_before_the_error() -> None:
    kinds = [part["type"] for part in json_until_done([UI.write(broken_answer("Joints"))])]
    assert kinds[-6:] == ["text-start", "text-delta", "text-end", "error", "finish-step", "finish"]


def test_lines_byte_for_byte() -> None:
    assert LINES.write(whole_answer(IDS, *TEXTS)).decode() == (
        '{"delta":{"role":"assistant"},"context":{"message_id":"m","metadata":{"mode":"chat","model":"scripted"}},'
        '"sessionState":"s"}\n'
        f'{{"delta":{{}},"context":{{"sources":[{SOURCE_JSON}]}}}}\n'
        f'{{"delta":{{"content":{FIRST_JSON}}}}}\n'
        '{"delta":{"content":" [1]."}}\n'
        '{"delta":{},"context":{"message_id":"m","finish_reason":"stop","abstained":false,"degraded":false,"cited":[1],'
        '"suggestions":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"cost_usd":0.01},"metadata":{}},'
        '"sessionState":"s"}\n'
    )


def test_a_broken_answer_is_an_error_line() -> None:
    assert {"error": {"code": "upstream_unavailable", "message": GONE.message}} in lines([LINES.write(broken_answer("Joints"))])

from __future__ import annotations

from typing import Any

import pytest

from server.http.negotiation import wants_stream
from shared.errors import RequestError

ASK = {"question": "Why?"}


@pytest.mark.parametrize(
    ("body", "accept", "streams"),
    [
        ({}, "text/event-stream", True),
        ({}, "application/json", False),
        ({}, "application/json, text/event-stream", True),
        ({}, "application/json;q=0.9, text/event-stream;q=0.1", False),
        ({}, "text/event-stream, application/json;q=0.5", True),
        ({}, "Application/JSON; charset=utf-8", False),
        ({"stream": False}, "text/event-stream", False),
        ({"stream": True}, "application/json", True),
        ({"Stream": None}, "application/json", False),
    ],
)
@pytest.mark.parametrize("path", ["/chat", "/api/chat", "/ask"])
def test_who_says_what_it_reads_gets_that_at_every_path(body: dict[str, Any], accept: str, path: str, *, streams: bool) -> None:
    for by_default in (True, False):
        assert wants_stream(ASK | body, accept, path=path, streams_by_default=by_default) is streams


@pytest.mark.parametrize("accept", ["", "*/*", "application/json;q=0", "text/html, */*;q=0.8", "x,,"])
def test_who_says_nothing_gets_what_the_front_ends_of_that_path_read(accept: str) -> None:
    assert wants_stream(ASK, accept, path="/chat", streams_by_default=True)
    assert not wants_stream(ASK, accept, path="/chat", streams_by_default=False)
    assert wants_stream(ASK, accept, path="/chat/selection", streams_by_default=True)
    assert not wants_stream({"user_message": "Why?"}, accept, path="/chat", streams_by_default=True)
    for path in ("/api/chat", "/api/v1/chat", "/v1/chat", "/ask", "/chat/query"):
        assert not wants_stream(ASK, accept, path=path, streams_by_default=True)


def test_a_path_that_streams_streams() -> None:
    assert wants_stream(ASK, "application/json", path="/v1/chat/ask/stream", streams_by_default=False)


def test_the_first_chatbots_page_reads_a_stream() -> None:
    body = {"query": "Why?", "context_window": 5}
    assert wants_stream(body, "*/*", path="/api/chat", streams_by_default=False)
    assert not wants_stream(body | {"stream": False}, "*/*", path="/chat", streams_by_default=True)


def test_a_stream_that_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(RequestError, match="'stream' must be true or false"):
        wants_stream({"stream": "perhaps"}, "", path="/chat", streams_by_default=True)


@pytest.mark.parametrize(
    ("said", "streams"),
    [("true", True), ("False", False), (1, True), (0, False), ("1", True), ("no", False), (" yes ", True)],
)
def test_true_and_false_may_be_text_or_a_number(said: object, *, streams: bool) -> None:
    for default in (True, False):
        assert wants_stream({"stream": said}, "", path="/chat", streams_by_default=default) is streams


def test_other_names_of_the_field_stream_say_the_same() -> None:
    for body in ({"streaming": True}, {"response_mode": "streaming"}, {"isStream": 1}):
        assert wants_stream(body, "", path="/ask", streams_by_default=False)
    assert not wants_stream({"response_mode": "blocking"}, "", path="/chat", streams_by_default=True)

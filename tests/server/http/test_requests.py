from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.http import names
from server.http.requests import MAX_QUESTION_CHARS, MAX_SELECTION_CHARS, SELECTION_QUESTION, read_chat, read_json
from server.questions import Turn
from shared.errors import RequestError

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    "body",
    [
        {"question": "Why?"},
        {"message": "Why?"},
        {"query": "Why?"},
        {"input": "  Why?\n"},
        {"question": "", "message": None, "query": "Why?"},
        {"messages": [{"role": "user", "content": "Why?"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]}]},
        {"messages": [{"role": "user", "parts": [{"type": "text", "text": "Why?"}, {"type": "file"}]}]},
        {"messages": [{"role": "system", "content": "Obey."}, {"role": "human", "text": "Why?"}], "unknown": {"a": [1]}},
        *({name: "Why?"} for name in (*names.QUESTION, *names.LOOSE_QUESTION)),
        {"userMessage": "Why?"},
        {"message": {"role": "user", "parts": [{"type": "text", "text": "Why?"}]}},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}]},
        {"messages": [{"sender": "user", "message": "Why?"}], "user": "somebody", "text": "x"},
        {"prompt": "Why?", "user": {"id": 5}},
        {"action": "sendMessage", "sessionId": "s", "chatInput": "Why?"},  # n8n's chat
        {"query": "Why?", "user": "u", "inputs": {}, "response_mode": "streaming"},  # Dify
        {"question": "Why?", "overrideConfig": {"sessionId": "s"}},  # Flowise
        {"sender": "reader-1", "message": "Why?"},  # Rasa
        {"inputs": "Why?", "parameters": {"top_k": 5}},  # Hugging Face
        {"inputs": {"question": "Why?", "context": "around"}},
        {"input": {"question": "Why?", "chat_history": []}, "config": {}},  # LangServe
        {"input": {"messages": [{"type": "human", "content": "Why?"}]}, "stream_mode": "messages"},  # LangGraph
        {"messages": [{"type": "human", "data": {"content": "Why?"}}]},  # LangChain's own form of a message
        {"messages": [{"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Why?"]}}]},  # ChatGPT's
        {"messages": [{"role": "user", "content": "", "parts": [{"type": "text", "text": "Why?"}]}]},
        {"contents": [], "messages": [{"role": "user", "parts": ["Why?"]}]},
        {"messages": [{"type": "text", "sender": "user", "text": "Why?"}]},
        {"messages": [{"id": 1, "text": "Hello!", "isUser": False}, {"id": 2, "text": "Why?", "isUser": True}][1:]},
        {"messages": ["Why?"]},
        {"payload": {"text": "x", "message": "Why?"}},
        {"data": {"question": "Why?"}},
    ],
)
def test_every_widgets_name_for_the_question_is_understood(body: dict[str, Any]) -> None:
    request = read_chat(body)
    assert request.question == "Why?"
    assert request.history == ()


def test_the_turns_before_the_question_are_the_history() -> None:
    turns = [Turn(role=role, content=text) for role, text in (("user", "A?"), ("assistant", "B."))]
    messages = [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "B."}, {"role": "user", "content": "C?"}]
    for body in (
        {"messages": messages},
        {"question": "C?", "messages": messages},
        {"question": "C?", "messages": messages[:2]},
        {"question": "C?", "history": messages[:2]},
        {"question": "C?", "history": messages},
        {"question": "C?", "chat_history": [{"sender": "user", "text": "A?"}, {"sender": "bot", "text": "B."}]},
        {"question": "C?", "conversationHistory": [{"question": "A?", "answer": "B."}]},
        {"question": "C?", "chat_history": [["A?", "B."]]},
        {"question": "C?", "history": ["A?", "B."]},
        {"question": "C?", "history": ["A?", "B.", "C?"]},
        {"question": "C?", "history": ["User: A?", "Assistant: B."]},
        {"question": "C?", "history": "Human: A?\nAI: B."},
        {"question": "C?", "history": "**User**: A?\n\n**Bot**: B.\n"},
        {"messages": ["A?", "B.", "C?"]},
        {"question": "C?", "history": [{"text": "A?", "isUser": True}, {"text": "B.", "isUser": False}]},
        {"question": "C?", "history": [{"text": "A?", "isBot": False}, {"text": "B.", "isBot": True}]},
        {"question": "C?", "history": [{"message": "A?", "type": "userMessage"}, {"message": "B.", "type": "apiMessage"}]},
        {
            "question": "C?",
            "history": [{"role": "user", "parts": [{"text": "A?"}]}, {"role": "model", "parts": [{"text": "B."}]}],
        },
        {"question": "C?", "history": [{"user": "A?", "bot": "B."}]},
        {"question": "C?", "history": [{"human": "A?", "ai": "B."}, {"role": "system", "content": "Obey."}]},
        {"question": "C?", "history": [{"input": "A?", "output": "B."}]},
        {"question": "C?", "history": [{"q": "A?", "a": "B."}]},
        {"question": "C?", "history": [["A?", "B."], ["C?", None]]},
        {"input": {"question": "C?", "chat_history": [["A?", "B."]]}},
        {"data": {"question": "C?", "history": ["A?", "B."]}},
    ):
        request = read_chat(body)
        assert (request.question, list(request.history)) == ("C?", turns)


def test_at_most_the_last_three_exchanges_are_kept_and_long_turns_are_cut() -> None:
    history = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"{n}" * 5000} for n in range(10)] * 2
    request = read_chat({"question": "C?", "history": history})
    assert [turn.content[0] for turn in request.history] == list("4567890123456789")
    assert {len(turn.content) for turn in request.history} == {4000}


@pytest.mark.parametrize(
    ("body", "header", "session"),
    [
        ({}, None, None),
        ({"session_id": "a"}, None, "a"),
        ({"conversation_id": "b"}, None, "b"),
        ({"conversationId": 1699999999999}, None, "1699999999999"),
        ({"session_id": None, "conversation_id": "b"}, None, "b"),
        ({"sessionState": "c"}, None, "c"),
        ({"sessionState": {"any": "thing"}}, None, None),
        ({"session_id": "new at every message"}, "stable", "stable"),
        ({"session_id": "x" * 500}, None, "x" * 128),
        ({"session_id": "line\nbreak"}, None, None),
    ],
)
def test_the_session_is_the_stable_one(body: dict[str, Any], header: str | None, session: str | None) -> None:
    assert read_chat({"question": "Why?"} | body, session_header=header).session_id == session


@pytest.mark.parametrize(
    ("body", "question", "selected"),
    [
        ({"question": "Why?", "selected_text": "A joint."}, "Why?", "A joint."),
        ({"question": "Why?", "selectedText": "A joint."}, "Why?", "A joint."),
        ({"question": "Why?", "context": {"selectedText": "A joint.", "source": "User selection"}}, "Why?", "A joint."),
        ({"message": 'I have a question about this selected text: "A joint."'}, SELECTION_QUESTION, "A joint."),
        ({"message": 'I have a question about this selected text: "A "joint"."'}, SELECTION_QUESTION, 'A "joint".'),
        ({"message": 'I have a question about this selected text: "A joint." Why?'}, "Why?", "A joint."),
        ({"message": 'I have a question about this selected text: "A joint."\n\nIs "it" round?'}, 'Is "it" round?', "A joint."),
        ({"message": 'I have a question about this selected text: "A joint'}, SELECTION_QUESTION, "A joint"),
    ],
)
def test_a_selection_is_found_wherever_the_widget_put_it(body: dict[str, Any], question: str, selected: str) -> None:
    request = read_chat(body)
    assert (request.question, request.selected_text) == (question, selected)


def test_a_selection_that_is_too_long_is_cut_and_a_question_refused() -> None:
    assert len(read_chat({"question": "Why?", "selected_text": "x" * 9000}).selected_text or "") == MAX_SELECTION_CHARS
    with pytest.raises(RequestError, match="too long"):
        read_chat({"question": "x" * (MAX_QUESTION_CHARS + 1)})


def test_what_is_around_and_where_is_understood() -> None:
    request = read_chat({"question": "Why?", "context": "around", "page_url": "https://host/a"})
    assert (request.surrounding_context, request.page_url) == ("around", "https://host/a")
    request = read_chat({"question": "Why?", "surrounding_context": "around", "context": {"page_url": "https://host/b"}})
    assert (request.surrounding_context, request.page_url) == ("around", "https://host/b")
    assert read_chat({"question": "Why?", "page_context": "https://host/c"}).page_url == "https://host/c"


@pytest.mark.parametrize(
    ("body", "k"),
    [
        ({}, 5),
        ({"k": 0}, 1),
        ({"k": -3}, 1),
        ({"top_k": 50}, 20),
        ({"topK": "7"}, 7),
        ({"k": 2.0}, 2),
        ({"limit": 10**30}, 20),
    ],
)
def test_of_how_many_the_nearest_that_there_may_be_is_taken(body: dict[str, Any], k: int) -> None:
    assert read_chat({"question": "Why?"} | body).k == k


def test_a_session_is_found_where_a_front_end_put_it() -> None:
    for body in (
        {"overrideConfig": {"sessionId": "s"}},
        {"config": {"configurable": {"thread_id": "s"}}},
        {"metadata": {"session_id": "s"}},
        {"session": {"session_id": "s"}},
        {"session": "s"},
        {"context": {"conversationId": "s"}},
    ):
        assert read_chat({"question": "Why?"} | body).session_id == "s"


def test_a_selection_may_be_an_object() -> None:
    for body in (
        {"selection": {"text": "A joint.", "start": 3}},
        {"selectedText": {"text": "A joint."}},
        {"metadata": {"selected_text": "A joint."}},
        {"highlight": True, "selected_content": "A joint."},
    ):
        assert read_chat({"question": "Why?"} | body).selected_text == "A joint."


def test_text_is_composed() -> None:
    assert read_chat({"question": "Cafe\u0301?"}).question == "Caf\u00e9?"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": "  "},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "Hello."}]},
        {"question": 3},
        {"question": ["Why?"]},
        {"question": "Why?", "messages": "Why?"},
        {"question": "Why?", "history": [3]},
        {"messages": [{"role": "user", "content": 3}]},
        {"question": "Why?", "selected_text": 3},
        {"question": "Why?", "k": True},
        {"question": "Why?", "k": "many"},
        {"question": "Why?", "k": [5]},
        {"question": "Why?", "k": "inf"},
    ],
)
def test_wrong_types_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as refused:
        read_chat(body)
    assert refused.value.status == 400


def test_a_selection_route_needs_a_selection() -> None:
    with pytest.raises(RequestError, match="selected_text"):
        read_chat({"question": "Why?"}, selection_required=True)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a": ["\\\\\\u0000"]}',
        b'{"a": "\\ud83d"}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}",
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_not_a_clean_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        read_json(raw)
    assert (refused.value.status, refused.value.code) == (400, "malformed_json")


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert read_json(b'{"a": "\\\\u0000"}') == {"a": "\\u0000"}


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        body = read_json(raw)
    except RequestError:
        return
    assert isinstance(body, dict)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(
    [
        "question",
        "message",
        "input",
        "messages",
        "history",
        "context",
        "selectedText",
        "page_context",
        "sessionState",
        "k",
        "stream",
    ]
)


@unhurried
@given(
    st.dictionaries(_names, _json | st.lists(st.fixed_dictionaries({"role": _json, "content": _json}), max_size=2), max_size=5)
)
def test_any_json_is_a_request_or_refused(body: dict[str, Any]) -> None:
    try:
        request = read_chat(read_json(json.dumps(body).encode()))
    except RequestError:
        return
    assert request.question

from __future__ import annotations

from datetime import UTC, datetime

from server.answering.events import AnswerIds
from server.wire import json_answer as answer
from tests.support.fakes import whole_answer

AT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_events_of_an_answer_become_one_object() -> None:
    source = {
        "n": 1,
        "title": "tttttttt",
        "chapter": "cccccccc",
        "section": "ssssssss",
        "url": "https://example.github.io/book/docs/intro#joints",
        "score": 0.5,
        "quote": "A robot has joints.",
    }
    assert answer.encode(whole_answer(AnswerIds("s", "m", "r")), at=AT) == {
        **dict.fromkeys(
            (
                "answer",
                "response",
                "text",
                "message",
                "ai_response",
                "assistant_response",
                "assistant",
                "reply",
                "output",
                "result",
            ),
            "Joints move [1].",
        ),
        "citations": [
            {
                "n": 1,
                "text": "A robot has joints.",
                "source": "cccccccc - ssssssss",
                "title": "tttttttt",
                "page_url": source["url"],
                "url": source["url"],
            }
        ],
        "conversation_id": "s",
        "timestamp": "2025-01-02T03:04:05+00:00",
        "sources": [source],
        "session_id": "s",
        "message_id": "m",
        "finish_reason": "stop",
        "abstained": False,
        "degraded": False,
        "cited": [1],
        "suggestions": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "cost_usd": 0.01},
        "metadata": {"mode": "chat", "model": "scripted", "sources": [source]},
    }

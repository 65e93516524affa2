from __future__ import annotations

from server.answering.events import AnswerIds
from server.wire import json_answer as answer
from tests.support.fakes import whole_answer


def test_the_events_of_an_answer_become_one_object() -> None:
    source = {
        "n": 1,
        "title": "tttttttt",
        "chapter": "cccccccc",
        "section": "ssssssss",
        "url": "https://example.github.io/book/docs/intro#joints",
        "score": 0.5,
    }
    assert answer.encode(whole_answer(AnswerIds("s", "m", "r"))) == {
        "answer": "Joints move [1].",
        "sources": [source],
        "session_id": "s",
        "message_id": "m",
        "finish_reason": "stop",
        "abstained": False,
        "degraded": False,
        "cited": [1],
        "suggestions": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "cost_usd": 0.01},
        "metadata": {"mode": "chat", "model": "scripted"},
    }

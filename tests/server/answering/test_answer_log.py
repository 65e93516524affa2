from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from server.answering.answer_log import log_answer
from server.answering.events import AnswerIds, ChatEvent, Start
from server.answering.progress import AnswerProgress, Cause
from server.finding.passages import Passages
from server.metrics import Metrics
from server.models.budget import Budget
from server.models.chat_model import Accepted
from shared.errors import ServiceError
from tests.support.fakes import whole_answer

IDS = AnswerIds("s", "m", "r")
FOUND = Passages(passages=(), query="What are joints?", build_id="b", answerable=True, degraded=True)


def follow(answer: AnswerProgress, *events: ChatEvent) -> AnswerProgress:
    for event in events:
        answer.note(event)
    return answer


def line_of(
    answer: AnswerProgress, *, budget: Budget | None = None, metrics: Metrics | None = None, error: Exception | None = None
) -> dict[str, object]:
    """The one line."""
    with capture_logs() as lines:
        for _ in range(2):
            log_answer(answer, budget or Budget(1.0), metrics or Metrics(), error=error)
    (line,) = lines
    return dict(line)


def test_an_answer_is_one_line_without_what_was_asked() -> None:
    budget = Budget(1.0)
    answer = AnswerProgress(IDS)
    answer.retrieved(FOUND)
    line = line_of(follow(answer, *whole_answer(IDS)), budget=budget)
    times = [line.pop(name) for name in ("retrieve_s", "ttft_s", "total_s")]
    assert times == sorted(times, key=float)  # type: ignore[arg-type]
    assert line == {
        "event": "answered",
        "log_level": "info",
        "mode": "chat",
        "model": "scripted",
        "passages": 0,
        "support": 1.0,
        "lexical_only": True,
        "finish_reason": "stop",
        "client_left": False,
        "abstained": False,
        "degraded": False,
        "cited": 1,
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "cost_usd": 0.01,
    }
    assert budget.spent_usd == pytest.approx(0.01)


def test_an_answer_nobody_waited_for_says_so_and_what_it_cost() -> None:
    budget = Budget(1.0)
    answer = follow(AnswerProgress(IDS), Start(session_id="s", message_id="m", metadata={"model": "gpt-4o-mini"}))
    answer.begin("gpt-4o-mini", FOUND)
    answer.accept(Accepted(prompt_tokens=100_000))
    answer.read("Joints ")
    line = line_of(answer, budget=budget)
    assert (line["client_left"], line["finish_reason"], line["cost_usd"]) == (True, None, 0.0150006)
    assert budget.spent_usd == pytest.approx(0.0150006)


def test_an_answer_that_failed_names_the_error() -> None:
    answer = AnswerProgress(IDS)
    line = line_of(follow(answer, *answer.ending(Cause("upstream_unavailable", "Gone."))))
    assert (line["finish_reason"], line["client_left"], line["error"]) == ("error", False, "upstream_unavailable")


def test_a_question_that_found_no_answer_at_all_is_a_line_too() -> None:
    line = line_of(AnswerProgress(IDS), error=ServiceError("qdrant", "Away.", transient=True))
    assert (line["finish_reason"], line["error"]) == ("error", "index_unavailable")


def test_answers_are_counted_by_mode_outcome_and_model() -> None:
    metrics = Metrics()
    for events in (whole_answer(IDS), whole_answer(IDS)[:3]):
        answer = AnswerProgress(IDS)
        answer.retrieved(FOUND)
        line_of(follow(answer, *events), budget=Budget(1.0, metrics=metrics), metrics=metrics)
    value = metrics.registry.get_sample_value
    assert value("lectern_answers_total", {"mode": "chat", "outcome": "stop"}) == 1
    assert value("lectern_answers_total", {"mode": "chat", "outcome": "reader_left"}) == 1
    assert value("lectern_first_token_seconds_count", {"model": "scripted"}) == 2
    assert value("lectern_answer_seconds_count", {"model": "scripted"}) == 2
    assert value("lectern_retrieval_seconds_count") == 2
    assert value("lectern_degraded_answers_total", {"part": "search"}) == 2
    assert value("lectern_tokens_total", {"model": "scripted", "kind": "prompt"}) == 10

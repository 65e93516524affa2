from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from server.answering.answer_log import AnswerLog
from server.answering.events import AnswerIds, ChatEvent, Usage
from server.answering.pacing import Told
from server.finding.passages import Passages
from server.models.budget import Budget
from server.status.metrics import Metrics
from shared.errors import ServiceError
from tests.support.fakes import whole_answer

IDS = AnswerIds("s", "m", "r")
FOUND = Passages(passages=(), query="What are joints?", build_id="b", answerable=True, degraded=True)


def open_ledger(budget: Budget | None = None, metrics: Metrics | None = None) -> AnswerLog:
    return AnswerLog(budget or Budget(1.0), metrics or Metrics(), mode="chat")


def told(ledger: AnswerLog, *events: ChatEvent) -> dict[str, object]:
    """The one line."""
    with capture_logs() as lines:
        for event in events:
            ledger.see(event)
        ledger.close()
        ledger.close()
    (line,) = lines
    return dict(line)


def test_an_answer_is_one_line_without_what_was_asked() -> None:
    budget = Budget(1.0)
    ledger = open_ledger(budget)
    ledger.retrieved(FOUND)
    line = told(ledger, *whole_answer(IDS))
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
    ledger = open_ledger(budget)
    ledger.see(whole_answer(IDS)[0])
    ledger.pay(Usage(prompt_tokens=5, completion_tokens=1, cost_usd=0.02))
    line = told(ledger)
    assert (line["client_left"], line["finish_reason"], line["cost_usd"]) == (True, None, 0.02)
    assert budget.spent_usd == pytest.approx(0.02)


def test_an_answer_that_failed_names_the_error() -> None:
    line = told(open_ledger(), *Told(IDS).ending("upstream_unavailable", "Gone."))
    assert (line["finish_reason"], line["client_left"], line["error"]) == ("error", False, "upstream_unavailable")


def test_a_question_that_found_no_answer_at_all_is_a_line_too() -> None:
    ledger = open_ledger()
    ledger.fail(ServiceError("qdrant", "Away.", transient=True))
    line = told(ledger)
    assert (line["finish_reason"], line["error"]) == ("error", "index_unavailable")


def test_answers_are_counted_by_mode_outcome_and_model() -> None:
    metrics = Metrics()
    for events in (whole_answer(IDS), whole_answer(IDS)[:3]):
        ledger = open_ledger(Budget(1.0, metrics=metrics), metrics)
        ledger.retrieved(FOUND)
        told(ledger, *events)
    value = metrics.registry.get_sample_value
    assert value("lectern_answers_total", {"mode": "chat", "outcome": "stop"}) == 1
    assert value("lectern_answers_total", {"mode": "chat", "outcome": "reader_left"}) == 1
    assert value("lectern_first_token_seconds_count", {"model": "scripted"}) == 2
    assert value("lectern_answer_seconds_count", {"model": "scripted"}) == 2
    assert value("lectern_retrieval_seconds_count") == 2
    assert value("lectern_degraded_answers_total", {"part": "search"}) == 2
    assert value("lectern_tokens_total", {"model": "scripted", "kind": "prompt"}) == 10

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from server.ledger import Ledger
from server.limits import Budget
from server.stream import Ids, Told
from tests.fakes import whole_answer

IDS = Ids("s", "m", "r")


def test_an_answer_is_one_line_without_what_was_asked() -> None:
    budget = Budget(1.0)
    ledger = Ledger(budget, build_id="b", passages=3)
    with capture_logs() as lines:
        for event in whole_answer(IDS):
            ledger.see(event)
        ledger.close()
    (line,) = lines
    assert {
        name: line[name] for name in ("event", "log_level", "build", "passages", "model", "outcome", "abstained", "cited")
    } == {
        "event": "answered",
        "log_level": "info",
        "build": "b",
        "passages": 3,
        "model": "scripted",
        "outcome": "stop",
        "abstained": False,
        "cited": 1,
    }
    assert (line["prompt_tokens"], line["completion_tokens"], line["cost_usd"], line["degraded"]) == (10, 2, 0.01, False)
    assert line["ttft_s"] <= line["seconds"]
    assert "Joints" not in str(line)
    assert budget.spent_usd == pytest.approx(0.01)


def test_an_answer_nobody_waited_for_says_so() -> None:
    ledger = Ledger(Budget(1.0), build_id=None, passages=0)
    with capture_logs() as lines:
        ledger.see(whole_answer(IDS)[0])
        ledger.close()
    assert lines[0]["outcome"] == "reader_left"


def test_an_answer_that_failed_names_the_error() -> None:
    ledger = Ledger(Budget(1.0), build_id=None, passages=0)
    with capture_logs() as lines:
        for event in Told(IDS).ending("upstream_unavailable", "Gone."):
            ledger.see(event)
        ledger.close()
    assert (lines[0]["outcome"], lines[0]["error"]) == ("error", "upstream_unavailable")

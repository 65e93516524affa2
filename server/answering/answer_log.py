"""What one answer took and cost: one log line, the metrics and the day's budget. Never what was asked."""

from __future__ import annotations

import time
from typing import Any

import structlog

from server.answering.events import ChatEvent, Done, Failed, Start, TextDelta, Usage
from server.finding.passages import Passages
from server.models.budget import Budget
from server.problems import problem_of
from server.status.metrics import Metrics

log = structlog.get_logger(__name__)

FROM_THE_BOOK = frozenset({"chat", "selection"})
"""Modes whose times mean something: a greeting is answered at once."""


class AnswerLog:
    """Follows one answer from the moment its question was understood; `close` it when it is over, however it ended."""

    def __init__(self, budget: Budget, metrics: Metrics, *, mode: str) -> None:
        """`mode`: `chat` or `selection`, until `Start` says what it became."""
        self._budget = budget
        self._metrics = metrics
        self._began = time.perf_counter()
        self._mode = mode
        self._asked = ""
        self._facts: dict[str, Any] = {}
        self._outcome = "reader_left"
        self._is_closed = False

    def retrieved(self, passages: Passages | None) -> None:
        """Note what was found, and when; None: there is no book yet."""
        self._facts["retrieve_s"] = self._elapsed_s()
        if passages is not None:
            self._facts |= {"passages": len(passages.passages), "support": round(passages.support, 3)}
            self._metrics.retrieval_s.observe(self._facts["retrieve_s"])
            if passages.degraded:
                self._facts["lexical_only"] = True
                self._metrics.degraded.labels("search").inc()

    def see(self, event: ChatEvent) -> None:
        """Note what the log line will say."""
        match event:
            case Start():
                self._mode = event.metadata.get("mode", self._mode)
                self._asked = self._facts["model"] = event.metadata.get("model")
            case TextDelta():
                self._facts.setdefault("ttft_s", self._elapsed_s())
            case Failed():
                self._facts["error"] = event.error
            case Done():
                self._end(event)
            case _:
                pass

    def pay(self, usage: Usage) -> None:
        """Note what was paid; also for an answer whose reader left before `Done`."""
        self._facts |= usage.model_dump()
        if usage.cost_usd is not None:
            self._facts["cost_usd"] = round(usage.cost_usd, 8)
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        self._budget.pay(self._asked or "unknown", usage.cost_usd, prompt=prompt, completion=completion)

    def fail(self, error: BaseException) -> None:
        """There will be no answer; a reader who left is no failure."""
        if isinstance(error, Exception):
            self._outcome = "error"
            self._facts["error"] = problem_of(error).code

    def close(self) -> None:
        """Write the line; only the first time."""
        if self._is_closed:
            return
        self._is_closed = True
        left = self._outcome == "reader_left"
        total_s = self._elapsed_s()
        reason = None if left else self._outcome
        log.info("answered", mode=self._mode, finish_reason=reason, client_left=left, total_s=total_s, **self._facts)
        self._metrics.answers.labels(self._mode, self._outcome).inc()
        if self._mode in FROM_THE_BOOK and (model := self._facts.get("model")):
            self._metrics.answer_s.labels(model).observe(total_s)
            if "ttft_s" in self._facts:
                self._metrics.first_token_s.labels(model).observe(self._facts["ttft_s"])

    def _end(self, done: Done) -> None:
        self._outcome = done.finish_reason
        self._facts |= {"abstained": done.abstained, "degraded": done.degraded, "cited": len(done.cited)}
        self._facts["model"] = done.metadata.get("model", self._facts.get("model"))
        if done.abstained and self._mode in FROM_THE_BOOK:
            self._metrics.abstentions.labels(self._mode).inc()
        if done.degraded:
            self._metrics.degraded.labels("model").inc()
        if done.usage is not None:
            self.pay(done.usage)

    def _elapsed_s(self) -> float:
        return round(time.perf_counter() - self._began, 3)

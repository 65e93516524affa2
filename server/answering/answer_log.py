"""What one answer took and cost: one log line, the metrics and the day's budget. Never what was asked."""

from __future__ import annotations

from typing import Any

import structlog

from server.answering.progress import AnswerProgress
from server.metrics import Metrics
from server.models.budget import Budget
from server.problems import problem_of

log = structlog.get_logger(__name__)

FROM_THE_BOOK = frozenset({"chat", "selection"})
"""Modes whose times mean something: a greeting is answered at once."""
CACHE = "cache"
"""Under this name, not the model's, the times of answers are kept that were given again."""


def log_answer(answer: AnswerProgress, budget: Budget, metrics: Metrics, *, error: BaseException | None = None) -> None:
    """Account for an answer that is over, however it ended; only the first time.

    `error`: why there was none; a reader who left is no failure.
    """
    if answer.is_logged:
        return
    answer.is_logged = True
    done = answer.done
    outcome = done.finish_reason if done else "error" if isinstance(error, Exception) else "reader_left"
    facts: dict[str, Any] = {
        "mode": answer.mode,
        "finish_reason": None if outcome == "reader_left" else outcome,
        "client_left": outcome == "reader_left",
        "total_s": answer.elapsed_s,
    }
    if answer.retrieve_s is not None:
        facts["retrieve_s"] = answer.retrieve_s
    if found := answer.passages:
        facts |= {"passages": len(found.passages), "support": round(found.support, 3)}
        facts |= {"lexical_only": True} if found.degraded else {}
    if model := (done.metadata.get("model") if done else None) or answer.asked or None:
        facts["model"] = model
    if answer.is_cached:
        facts["cached"] = True
    if answer.ttft_s is not None:
        facts["ttft_s"] = answer.ttft_s
    if done is not None:
        facts |= {"abstained": done.abstained, "degraded": done.degraded, "cited": len(done.cited)}
    if usage := answer.usage():
        facts |= usage.model_dump() | {"cost_usd": None if usage.cost_usd is None else round(usage.cost_usd, 8)}
        paid = answer.asked or "unknown"
        budget.pay(paid, usage.cost_usd, prompt=usage.prompt_tokens, completion=usage.completion_tokens)
    if answer.failed or isinstance(error, Exception):
        facts["error"] = answer.failed.error if answer.failed else problem_of(error).code if error else ""
    log.info("answered", **facts)
    _count(answer, metrics, outcome, model)


def _count(answer: AnswerProgress, metrics: Metrics, outcome: str, model: str | None) -> None:
    metrics.answers.labels(answer.mode, outcome).inc()
    if answer.passages and answer.retrieve_s is not None:
        metrics.retrieval_s.observe(answer.retrieve_s)
        if answer.passages.degraded:
            metrics.degraded.labels("search").inc()
    if answer.done and answer.done.degraded:
        metrics.degraded.labels("model").inc()
    if answer.mode not in FROM_THE_BOOK:
        return
    if answer.done and answer.done.abstained:
        metrics.abstentions.labels(answer.mode).inc()
    if model:
        model = CACHE if answer.is_cached else model
        metrics.answer_s.labels(model).observe(answer.elapsed_s)
        if answer.ttft_s is not None:
            metrics.first_token_s.labels(model).observe(answer.ttft_s)

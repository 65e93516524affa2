"""What operators count, in Prometheus' terms; every application has a registry of its own.

Labels hold what we name ourselves: routes, codes, models of the settings. Nothing a caller sends becomes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format, which every version of it reads."""
UNMATCHED = "unmatched"
"""Route of a request to an address there is nothing at."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_RETRIEVAL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_FIRST_TOKEN_S = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0)
_ANSWER_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)


class Described(NamedTuple):
    """One metric, for the operator's table."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


class Metrics:
    """Counters and histograms that are kept as things happen; the state of things is read when it is asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[Described] = []
        ProcessCollector(registry=self.registry)
        self.requests = self._counter("http_requests", "HTTP requests answered.", "route", "method", "status")
        self.refusals = self._counter(
            "refusals", "Requests refused or failed, by problem code; `rate_limited` is the one of the limits.", "code"
        )
        self.answers = self._counter(
            "answers", "Answers that are over, by mode and by `stop`, `length`, `error` or `reader_left`.", "mode", "outcome"
        )
        self.abstentions = self._counter("abstentions", "Answers that say the book does not say.", "mode")
        self.degraded = self._counter(
            "degraded_answers",
            "Answers without the chat model (`model`: away, or no budget) or found without the embedding model (`search`).",
            "part",
        )
        self.answer_cache = self._counter(
            "answer_cache", "Questions looked for among the answers kept (ANSWER_CACHE_HOURS): `hit` or `miss`.", "result"
        )
        self.feedback = self._counter("feedback", "Answers that readers rated `up` or `down`.", "rating")
        self.retrieval_s = self._histogram("retrieval_seconds", "From a question to its passages.", _RETRIEVAL_S)
        self.first_token_s = self._histogram(
            "first_token_seconds", "From a question to the first word of its answer.", _FIRST_TOKEN_S, "model"
        )
        self.answer_s = self._histogram("answer_seconds", "From a question to the end of its answer.", _ANSWER_S, "model")
        self.tokens = self._counter("tokens", "Tokens paid for: `prompt`, `completion`, `embedding`.", "model", "kind")
        self.cost_usd = self._counter("cost_usd", "Dollars spent; a model whose price is not known adds none.", "model")

    def answered(self, route: str | None, method: str, status: int, problem: str | None) -> None:
        """Count one response; `problem`: the code of the failure it tells of."""
        method = method if method in _METHODS else "other"
        self.requests.labels(route or UNMATCHED, method, str(status)).inc()
        if problem is not None:
            self.refusals.labels(problem).inc()

    def render(self, state: Sequence[Metric]) -> bytes:
        """All of it, with `state` at the end, in Prometheus' text format. Reads /proc: not for the loop."""
        return generate_latest(_Page(self.registry, state))

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self.described.append(Described(f"lectern_{name}_total", "counter", labels, meaning))
        return Counter(f"lectern_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
        self.described.append(Described(f"lectern_{name}", "histogram", labels, meaning))
        return Histogram(f"lectern_{name}", meaning, labels, buckets=buckets, registry=self.registry)


class _Page:
    """What is rendered: the registry without the `_created` series, which double everything and which nobody graphs."""

    def __init__(self, registry: CollectorRegistry, state: Sequence[Metric]) -> None:
        self._registry = registry
        self._state = state

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
        yield from self._state

"""What one answer took and cost: one log line, and the day's budget. Never what was asked."""

from __future__ import annotations

import time
from typing import Any

import structlog

from server.chat import ChatEvent, Done, Failed, Start, TextDelta
from server.limits import Budget

log = structlog.get_logger(__name__)


class Ledger:
    """Follows the events of one answer; `close` once when it is over, however it ended."""

    def __init__(self, budget: Budget, *, build_id: str | None, passages: int) -> None:
        self._budget = budget
        self._began = time.perf_counter()
        self._facts: dict[str, Any] = {"build": build_id, "passages": passages, "outcome": "reader_left"}

    def see(self, event: ChatEvent) -> None:
        """Note what the log line will say."""
        match event:
            case Start():
                self._facts["model"] = event.metadata.get("model")
            case TextDelta():
                self._facts.setdefault("ttft_s", self._elapsed_s())
            case Failed():
                self._facts["error"] = event.error
            case Done():
                self._facts |= {"outcome": event.finish_reason, "abstained": event.abstained, "degraded": event.degraded}
                self._facts["cited"] = len(event.cited)
                if event.usage is not None:
                    self._facts |= event.usage.model_dump()
                    self._budget.spend(event.usage.cost_usd)
            case _:
                pass

    def close(self) -> None:
        """Write the line."""
        log.info("answered", **self._facts, seconds=self._elapsed_s())

    def _elapsed_s(self) -> float:
        return round(time.perf_counter() - self._began, 3)

"""What a day has cost upstream, and whether there is money for another answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from server.metrics import Metrics


def _today() -> date:
    return datetime.now(UTC).date()


class Budget:
    """Dollars spent upstream since midnight UTC, in this process; past the cap, answers are quotations."""

    def __init__(self, cap_usd: float, *, metrics: Metrics | None = None, today: Callable[[], date] = _today) -> None:
        """`cap_usd` 0: no cap. `metrics`: where it is counted for good."""
        self.cap_usd = cap_usd
        self._metrics = metrics or Metrics()
        self._today = today
        self._day = today()
        self._spent_usd = 0.0
        self._held_usd = 0.0

    def pay(self, model: str, cost_usd: float | None, **tokens: int) -> None:
        """Count tokens, by kind, and what they cost; None (price unknown) counts nothing."""
        self._turn_page()
        self._spent_usd += cost_usd or 0.0
        self._metrics.cost_usd.labels(model).inc(cost_usd or 0.0)
        for kind, count in tokens.items():
            self._metrics.tokens.labels(model, kind).inc(count)

    @contextmanager
    def hold(self, most_usd: float) -> Generator[bool]:
        """Whether there is money for an answer; while it is being written, the most it can cost counts as spent.

        Without that, every answer of a hundred begun at the same instant would see the money that only one may have.
        """
        if self.is_spent:
            yield False
            return
        self._held_usd += most_usd
        try:
            yield True
        finally:
            self._held_usd -= most_usd

    @property
    def spent_usd(self) -> float:
        """Since midnight UTC."""
        self._turn_page()
        return self._spent_usd

    @property
    def is_spent(self) -> bool:
        """Whether the day's cap is reached, answers on their way included."""
        return self.cap_usd > 0 and self.spent_usd + self._held_usd >= self.cap_usd

    def _turn_page(self) -> None:
        if (today := self._today()) != self._day:
            self._day, self._spent_usd = today, 0.0

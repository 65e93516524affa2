"""What a day has cost upstream, in all and by each reader, and whether there is money for another answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256

from server.metrics import Metrics
from server.redis_server import RedisServer
from shared.errors import ServiceError

EVERYONE = ""
MOST_SPENDERS = 20_000
"""Readers whose spending is remembered; of more, those who spent least are forgotten."""
_KEEP_S = 2 * 24 * 3600
_ADD = """
local usd = redis.call('HINCRBYFLOAT', KEYS[1], 'usd:' .. ARGV[1], ARGV[2])
local tokens = redis.call('HINCRBY', KEYS[1], 'tokens:' .. ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {usd, tokens}
"""

spender: ContextVar[str] = ContextVar("spender", default=EVERYONE)
"""The reader in whose share counts, too, what is bought now; '' for nobody's: the author at their own desk."""


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(slots=True)
class _Spent:
    usd: float = 0.0
    tokens: int = 0

    def add(self, usd: float, tokens: int) -> None:
        self.usd += usd
        self.tokens += tokens


class Budget:
    """Dollars and tokens spent upstream since midnight UTC; past a cap, or a reader's share of it, answers are quotations.

    With Redis the processes of one book share it: what is spent is added there beside the answers, and what comes back counts.
    While it is away each goes on with what it knows, and adds the rest when it is back.
    """

    def __init__(
        self,
        cap_usd: float,
        *,
        cap_tokens: int = 0,
        share: float = 1.0,
        metrics: Metrics | None = None,
        today: Callable[[], date] = _today,
        redis: RedisServer | None = None,
        name: str = "",
    ) -> None:
        """Caps of 0: none. `share`: of either that one reader may spend. `metrics`: where it is counted for good.

        `name`: the book's, for those who share a Redis.
        """
        self.cap_usd = cap_usd
        self.cap_tokens = cap_tokens
        self.share = share
        self._metrics = metrics or Metrics()
        self._today = today
        self._redis = redis
        self._name = name
        self._held: defaultdict[str, _Spent] = defaultdict(_Spent)
        self._on_its_way: dict[str, _Spent] = {}
        self._telling: asyncio.Task[None] | None = None
        self._begin_day(today())

    def pay(self, model: str, cost_usd: float | None, **tokens: int) -> None:
        """Count tokens, by kind, and what they cost; None (price unknown) counts no dollars."""
        self._turn_page()
        for who in {EVERYONE, spender.get()}:
            self._untold[who].add(cost_usd or 0.0, sum(tokens.values()))
        self._forget_small()
        self._tell()
        self._metrics.cost_usd.labels(model).inc(cost_usd or 0.0)
        for kind, count in tokens.items():
            self._metrics.tokens.labels(model, kind).inc(count)

    @contextmanager
    def hold(self, most_usd: float, most_tokens: int = 0) -> Generator[bool]:
        """Whether there is money for an answer; while it is being written, the most it can cost counts as spent.

        Without that, every answer of a hundred begun at the same instant would see the money that only one may have.
        """
        who = {EVERYONE, spender.get()}
        if self._redis is not None:  # to be told what others spent
            for each in who:
                self._untold[each].add(0.0, 0)
            self._tell()
        if self.is_spent:
            yield False
            return
        for each in who:
            self._held[each].add(most_usd, most_tokens)
        try:
            yield True
        finally:
            for each in who:
                self._held[each].add(-most_usd, -most_tokens)
                if self._held[each].tokens <= 0 and self._held[each].usd < 1e-9:
                    del self._held[each]

    @property
    def spent_usd(self) -> float:
        """Since midnight UTC, by all."""
        self._turn_page()
        return self._told[EVERYONE].usd + self._untold[EVERYONE].usd

    @property
    def is_spent(self) -> bool:
        """Whether the day's cap is reached, or this reader's share of it; answers on their way included."""
        self._turn_page()
        who = spender.get()
        return self._is_over(EVERYONE, 1.0) or (who != EVERYONE and self._is_over(who, self.share))

    async def aclose(self) -> None:
        """Tell Redis what it was not told yet."""
        if self._telling is not None:
            await asyncio.gather(self._telling, return_exceptions=True)

    def _is_over(self, who: str, share: float) -> bool:
        parts = (self._told, self._untold, self._on_its_way, self._held)
        known = [amounts[who] for amounts in parts if who in amounts]
        usd, tokens = sum(one.usd for one in known), sum(one.tokens for one in known)
        return 0 < share * self.cap_usd <= usd or 0 < share * self.cap_tokens <= tokens

    def _turn_page(self) -> None:
        if (today := self._today()) != self._day:
            self._begin_day(today)

    def _begin_day(self, day: date) -> None:
        self._day = day
        self._told: defaultdict[str, _Spent] = defaultdict(_Spent)
        """As Redis knows it."""
        self._untold: defaultdict[str, _Spent] = defaultdict(_Spent)
        """What it was not told yet; everything where there is none."""

    def _forget_small(self) -> None:
        for amounts in (self._told, self._untold):
            if len(amounts) > MOST_SPENDERS:
                others = sorted(amounts.keys() - {EVERYONE}, key=lambda who: (amounts[who].usd, amounts[who].tokens))
                for who in others[: MOST_SPENDERS // 2]:
                    del amounts[who]

    def _tell(self) -> None:
        if self._redis is not None and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell_redis(self._redis))

    async def _tell_redis(self, redis: RedisServer) -> None:
        while self._untold:
            day, (who, spent) = self._day, self._untold.popitem()
            self._on_its_way = {who: spent}
            key, field = f"lectern:budget:{self._name}:{day}", sha256(who.encode()).hexdigest()[:16] if who else ""
            try:
                usd, tokens = await redis.run("EVAL", _ADD, 1, key, field, repr(spent.usd), spent.tokens, _KEEP_S)
            except ServiceError:
                if day == self._day:
                    self._untold[who].add(spent.usd, spent.tokens)
                return
            finally:
                self._on_its_way = {}
            if day == self._day:
                known = self._told[who]
                known.usd, known.tokens = max(known.usd, float(usd)), max(known.tokens, int(tokens))

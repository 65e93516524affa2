"""What chat knows of earlier questions. The database may be away, at the start or later: chat goes on, and says so.

Nothing here is waited for by an answer but one look at the database and, before `done`, that the exchange is written, each
with a limit. It is written in the background, in order; while the database is away it waits in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import structlog

from server.answering.progress import AnswerProgress
from server.conversations.exchanges import Exchange, exchange_of
from server.conversations.ownership import is_key
from server.questions import RECALLED, ChatRequest
from shared.errors import ServiceError
from shared.models import Frozen

if TYPE_CHECKING:
    from server.conversations.store import ConversationStore

RECALL_S = 1.0
"""How long an answer waits for what was said before; then it goes on without."""
SETTLE_S = 0.5
"""How long the end of an answer waits to be written before its reader is told: a database that is well takes milliseconds."""
RETRY_S = 2.0
"""How soon a database that was away is tried again."""
SWEEP_S = 3600.0
"""How often what is too old is deleted."""
FLUSH_S = 2.0
"""How long a process on its way down tries to write what is left."""
MAX_WAITING = 1000
"""Exchanges that wait in memory for the database; of more, the oldest are lost."""

HistoryState = Literal["none", "sent", "stored", "unavailable"]

log = structlog.get_logger(__name__)


class Recalled(Frozen):
    """A request with what was said before it."""

    request: ChatRequest
    conversation_id: str
    """Its conversation: the reader's id where that is a key, else one made here. '' where nothing is remembered."""
    history: HistoryState = "none"
    """Where what was said before came from: the client, the database, or nowhere."""


class ConversationMemory:
    """Conversations of the database at `address`, an address of SQLAlchemy's; None: nothing is remembered."""

    def __init__(
        self,
        address: str | None,
        *,
        days: int = 0,
        question_days: int = 0,
        open_at: Callable[[str], Awaitable[ConversationStore]] | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        """`days` a conversation is kept after its last message, 0: for ever; `question_days` a question for insights.

        Nothing is opened before `begin`.
        """
        self.address = address
        self._days, self._question_days = days, question_days
        self._open_at = open_at or _open_at
        self._retry_s = retry_s
        self._store: ConversationStore | None = None
        self._waiting: deque[Exchange] = deque(maxlen=MAX_WAITING)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._closing = asyncio.Event()
        self._was_away = False
        self._swept_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self._store is not None

    async def begin(self) -> None:
        """Open the database in the background, once: serving does not wait for it."""
        if self.address is not None and self._task is None:
            self._task = asyncio.create_task(self._keep(self.address))

    async def aclose(self) -> None:
        """Write what is left, and close the database."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=FLUSH_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._waiting:
            log.warning("conversations_lost", exchanges=len(self._waiting))
        await self._let_go()

    async def recall(self, request: ChatRequest) -> Recalled:
        """The request with the last exchanges of its conversation, unless the client sent some.

        Never raises, and waits no longer than `RECALL_S`.
        """
        if self.address is None:
            return Recalled(request=request, conversation_id="", history="sent" if request.history else "none")
        named = request.session_id if request.session_id and is_key(request.session_id) else None
        conversation_id = named or uuid4().hex
        if request.history:
            return Recalled(request=request, conversation_id=conversation_id, history="sent")
        waiting = [each for each in self._waiting if each.conversation_id == named]  # now: while we read, it may be written
        earlier: list[Exchange] = []
        state: HistoryState = "none"
        if self._store is None:
            state = "unavailable"
        elif named:
            try:
                async with asyncio.timeout(RECALL_S):
                    earlier = await self._store.latest(named, RECALLED)
            except (ServiceError, TimeoutError) as exc:
                await self._lose(exc)
                state = "unavailable"
        kept = {exchange.message_id for exchange in earlier}
        earlier += [each for each in waiting if each.message_id not in kept]
        turns = [turn for exchange in earlier[-RECALLED:] for turn in exchange.turns]
        if turns and state == "none":
            state = "stored"
        recalled = request.model_copy(update={"history": tuple(turns)})
        return Recalled(request=recalled, conversation_id=conversation_id, history=state)

    def remember(self, recalled: Recalled, answer: AnswerProgress) -> None:
        """Keep an answer that is over, as far as it was said; only the first time. Returns at once."""
        if not recalled.conversation_id or answer.is_remembered:
            return
        answer.is_remembered = True
        keep_question = self._question_days > 0
        exchange = exchange_of(recalled.request, answer, recalled.conversation_id, keep_question=keep_question)
        if exchange is not None:
            self._waiting.append(exchange)
            self._idle.clear()
            self._wake.set()

    async def settle(self, most_s: float = SETTLE_S) -> None:
        """Return once all that was to be kept is written, after `most_s` at the latest; at once while the database is away."""
        if self._store is not None and self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(most_s):
                    await self._idle.wait()

    async def ping(self) -> None:
        """Return when the database answers, asked now; raise `ServiceError` otherwise."""
        if self._store is None:
            raise _away()
        try:
            await self._store.ping()
        except ServiceError as exc:
            await self._lose(exc)
            raise

    async def open_store(self) -> ConversationStore:
        """The store, with all that was said before this moment. Raises `ServiceError` while the database is away."""
        await self.settle(RECALL_S)
        if self._store is None:
            raise _away()
        return self._store

    async def _keep(self, address: str) -> None:
        """Open the database, write what waits, delete what is too old; and again when it was away."""
        while True:
            self._wake.clear()
            try:
                if self._store is None:
                    self._store = await self._open_at(address)
                    log.info("history_available", was_away=self._was_away)
                    self._was_away = False
                await self._sweep(self._store)
                await self._write(self._store)  # last: what is said meanwhile is written before it is seen that this closes
            except ServiceError as exc:
                await self._lose(exc)
            if self._closing.is_set():
                return
            wait_for, most_s = (self._wake, SWEEP_S) if self._store else (self._closing, self._retry_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(most_s):
                    await wait_for.wait()

    async def _write(self, store: ConversationStore) -> None:
        while self._waiting:
            exchange = self._waiting[0]
            try:
                await store.add(exchange)
            except ServiceError as exc:
                if exc.transient:
                    raise
                log.error("exchange_refused", message_id=exchange.message_id, reason=str(exc))  # those behind it do not wait
            if self._waiting and self._waiting[0] is exchange:
                self._waiting.popleft()
        self._idle.set()

    async def _sweep(self, store: ConversationStore) -> None:
        if time.monotonic() - self._swept_at < SWEEP_S:
            return
        now = datetime.now(UTC)
        deleted = await store.forget_before(now - timedelta(days=self._days)) if self._days else 0
        await store.forget_questions_before(now - timedelta(days=self._question_days))
        self._swept_at = time.monotonic()
        if deleted:
            log.info("conversations_deleted", conversations=deleted, older_than_days=self._days)

    async def _lose(self, why: Exception) -> None:
        """The database is away: said once, and tried again by `_keep`."""
        if not self._was_away:
            log.warning("history_unavailable", reason=str(why) or "The database of conversations took too long.")
        self._was_away = True
        await self._let_go()
        self._wake.set()

    async def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(ServiceError, OSError):
                await store.aclose()


def _away() -> ServiceError:
    return ServiceError("database", "The database of conversations is away.", transient=True)


async def _open_at(address: str) -> ConversationStore:
    def load() -> Callable[[str], Awaitable[ConversationStore]]:
        from server.conversations.store import open_store  # SQLAlchemy: half a second, not before the server listens

        return open_store

    return await (await asyncio.to_thread(load))(address)

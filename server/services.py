"""What the handlers need, opened and closed in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

from server.chat import ChatEvent, ChatRequest, Passages
from server.drain import Drain
from server.limits import Budget, Limits
from server.prefect_api import PrefectApi
from server.replay import Replay
from server.stream import Ids, Timing
from server.vitals import Probe
from shared.index.port import Filter, Index
from shared.models import Build, Hit
from shared.settings import Settings


class Finder(Protocol):
    """Finds places in the book; `server.retrieval.Retriever`."""

    async def retrieve(self, request: ChatRequest) -> Passages: ...

    async def search(self, query: str, *, k: int, where: Filter | None = None) -> list[Hit]: ...


class Answerer(Protocol):
    """Turns a question and passages into the events of an answer; `server.answering.Answers`."""

    def generate(self, request: ChatRequest, passages: Passages, ids: Ids) -> AsyncGenerator[ChatEvent]: ...


@dataclass(frozen=True, slots=True)
class Health:
    """What /health looks at, each asked in the background and not too often."""

    build: Probe[Build | None]
    index: Probe[None]
    prefect: Probe[None]
    chat_model: Probe[None] | None
    """None: answers are quotations."""
    embeddings: Probe[None] | None
    """None: search is lexical only."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may use."""

    settings: Settings
    index: Index
    finder: Finder
    answerer: Answerer
    prefect: PrefectApi
    health: Health
    exact_tokens: bool
    """Whether token counts are exact, or estimates for want of the vocabulary."""
    limits: Limits
    budget: Budget
    replay: Replay = field(default_factory=Replay)
    drain: Drain = field(default_factory=Drain)
    timing: Timing = field(default_factory=Timing)
    ingest_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two requests to ingest at the same instant are one."""
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    """What closes the clients; called last in, first out."""

    async def aclose(self) -> None:
        """Close every client, even when closing one of them fails."""
        async with AsyncExitStack() as stack:
            for close in self.closers:
                stack.push_async_callback(close)
            for probe in (
                self.health.build,
                self.health.index,
                self.health.prefect,
                self.health.chat_model,
                self.health.embeddings,
            ):
                if probe is not None:
                    stack.push_async_callback(probe.aclose)


def open_services(settings: Settings) -> Services:
    """Every client, made but not yet used; raises `ConfigurationError` and `ServiceError`."""
    raise NotImplementedError

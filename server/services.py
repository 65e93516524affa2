"""What the handlers need, opened and closed in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from server.answering.answer_cache import AnswerCache, open_answer_cache
from server.answering.events import ChatEvent
from server.answering.generate import AnswerGenerator
from server.answering.pacing import Timing
from server.answering.progress import AnswerProgress
from server.answering.resume import RecentAnswers
from server.answering.running import RunningAnswers, SharedRunning
from server.answering.shared_answers import SharedAnswers
from server.conversations.followed import FollowedAnswers, follow_answers
from server.conversations.from_settings import open_conversations
from server.conversations.memory import ConversationMemory
from server.finding.passages import Passages, SearchOutcome
from server.finding.ranking.reranker import open_reranker
from server.finding.retriever import Retriever
from server.http.auth import Access
from server.http.draining import Draining
from server.http.limits import RateLimits
from server.metrics import Metrics
from server.models.budget import Budget
from server.models.chat_model import most_cost
from server.models.from_settings import open_budget, open_chat_model, warn_of_unknown_prices
from server.models.query_embeddings import QueryEmbeddings
from server.models.quoting.quoting_model import open_extractive
from server.models.rewriting import BoundedCompletions, CompletingModel, rewriting
from server.prefect_api import PrefectApi
from server.questions import ChatRequest
from server.redis_server import RedisServer
from server.status.health import Health, last_ingest
from server.status.probes import Probe
from shared.books import each_book
from shared.embedding.model import EmbeddingModel, open_embeddings
from shared.index.bm25 import Bm25
from shared.index.open_index import open_index
from shared.index.port import Filter, Index
from shared.settings import Settings
from shared.tokens import Tokenizer, load_tokenizer, vocabulary_folder

log = structlog.get_logger(__name__)

BUILD_AGE_S = 0.5
"""How old the live build that /health tells of may be: looking is cheap, and a swap is seen within a second."""
NEAR_AGE_S = 10.0
UPSTREAM_AGE_S = 60.0
"""Upstreams may count what they are asked."""
LAST_INGEST_AGE_S = 5.0
"""Two requests to Prefect, for whoever scrapes the metrics or asks a book that is not read yet."""


class Finder(Protocol):
    """Finds places in the book; `server.finding.retriever.Retriever`."""

    async def retrieve(self, request: ChatRequest) -> Passages: ...

    async def search(self, query: str, *, k: int, where: Filter | None = None) -> SearchOutcome: ...


class Answerer(Protocol):
    """Turns a question and passages into the events of an answer; `server.answering.generate.AnswerGenerator`."""

    def generate(self, request: ChatRequest, passages: Passages, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]: ...


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
    limits: RateLimits
    access: Access
    budget: Budget
    metrics: Metrics
    conversations: ConversationMemory = field(default_factory=lambda: ConversationMemory(None))
    answer_cache: AnswerCache = field(default_factory=AnswerCache)
    redis: RedisServer | None = None
    """None: no REDIS_URL."""
    replay: RecentAnswers = field(default_factory=RecentAnswers)
    followed: FollowedAnswers = field(default_factory=FollowedAnswers)
    running: RunningAnswers = field(default_factory=RunningAnswers)
    drain: Draining = field(default_factory=Draining)
    timing: Timing = field(default_factory=Timing)
    ingest_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two requests to ingest at the same instant are one."""
    book: str = ""
    """Name of the book among several; '' for the only one."""
    books: Mapping[str, Services] = field(default_factory=dict[str, "Services"])
    """All of them by name, where there are several and this is the first."""
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    """What closes the clients; called last in, first out."""

    async def aclose(self) -> None:
        """Close every client, even when closing one of them fails."""
        async with AsyncExitStack() as stack:
            for close in self.closers:
                stack.push_async_callback(close)
            stack.push_async_callback(self.health.aclose)


def open_services(settings: Settings) -> Services:
    """Every client, made but not connected yet, of the first book and through it of the others.

    Raises `ConfigurationError` and `ServiceError`. Reads the tokenizer's vocabulary (0.1 s): call it before serving.
    """
    common = _open_common(settings)
    books = {name: _open_book(own, name, common) for name, own in each_book(settings).items()}
    first = next(iter(books.values()))
    return replace(
        first, books=books if len(books) > 1 else {}, closers=(*common.closers, *(each.aclose for each in books.values()))
    )


@dataclass(frozen=True, slots=True)
class _Common:
    """What the books of a service share: all that is its readers' or its operator's."""

    tokenizer: Tokenizer
    metrics: Metrics
    redis: RedisServer | None
    budget: Budget
    limits: RateLimits
    access: Access
    prefect: PrefectApi
    conversations: ConversationMemory
    replay: RecentAnswers
    followed: FollowedAnswers
    running: RunningAnswers
    closers: tuple[Callable[[], Awaitable[None]], ...]
    drain: Draining = field(default_factory=Draining)
    ingest_lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def _open_common(settings: Settings) -> _Common:
    metrics = Metrics()
    redis = RedisServer(settings.redis_url.get_secret_value()) if settings.redis_url else None
    budget = open_budget(settings, metrics, redis)
    limits, prefect = RateLimits(settings), PrefectApi(settings)
    conversations = open_conversations(settings)
    replay = SharedAnswers(redis, settings.collection) if redis else RecentAnswers()
    running = SharedRunning(redis, settings.collection) if redis else RunningAnswers()
    warn_of_unknown_prices(settings)
    return _Common(
        tokenizer=load_tokenizer(vocabulary_folder(settings.data_dir)),
        metrics=metrics,
        redis=redis,
        budget=budget,
        limits=limits,
        access=Access(settings),
        prefect=prefect,
        conversations=conversations,
        replay=replay,
        followed=follow_answers(settings),
        running=running,
        closers=tuple(one.aclose for one in (redis, conversations, prefect, budget, limits, replay, running) if one),
    )


def _open_book(settings: Settings, name: str, common: _Common) -> Services:
    """The services of one book; it closes only what is its own."""
    tokenizer, budget, redis = common.tokenizer, common.budget, common.redis
    index = open_index(settings)
    dense = open_embeddings(settings)
    embeddings = QueryEmbeddings(dense, tokenizer.count, budget) if dense and settings.embedding_key else dense
    fallback = open_extractive(settings)
    model = open_chat_model(settings, count=tokenizer.count) if settings.openai_api_key else fallback
    completions = BoundedCompletions(model, tokenizer.count, budget) if isinstance(model, CompletingModel) else None
    rewrite = rewriting(completions.complete) if completions else None
    finder = Retriever(
        index=index,
        bm25=Bm25(settings.book_language),
        embeddings=embeddings,
        tokenizer=tokenizer,
        enough=settings.answer_support,
        rewrite=rewrite,
        reranker=open_reranker(settings),
    )
    answer_cache = open_answer_cache(settings, model.name, redis)
    database = common.conversations if common.conversations.address else None
    asked = model if settings.openai_api_key else None
    health = _open_health(index, common.prefect, chat_model=asked, embeddings=embeddings, database=database, redis=redis)
    return Services(
        settings=settings,
        book=name,
        index=index,
        finder=finder,
        answerer=AnswerGenerator(model=model, fallback=fallback, may_spend=lambda: budget.hold(*most_cost(model.name))),
        prefect=common.prefect,
        health=health,
        exact_tokens=tokenizer.exact,
        limits=common.limits,
        access=common.access,
        budget=budget,
        metrics=common.metrics,
        conversations=common.conversations,
        answer_cache=answer_cache,
        redis=redis,
        replay=common.replay,
        followed=common.followed,
        running=common.running,
        drain=common.drain,
        ingest_lock=common.ingest_lock,
        closers=(*([embeddings.aclose] if embeddings else []), answer_cache.aclose, index.aclose, finder.aclose, model.aclose),
    )


class _Pinged(Protocol):
    async def ping(self) -> None: ...


def _open_health(
    index: Index,
    prefect: PrefectApi,
    *,
    chat_model: _Pinged | None,
    embeddings: EmbeddingModel | None,
    database: _Pinged | None,
    redis: _Pinged | None,
) -> Health:
    return Health(
        build=Probe(index.live, max_age_s=BUILD_AGE_S),
        index=Probe(index.ping, max_age_s=NEAR_AGE_S),
        prefect=Probe(prefect.ping, max_age_s=NEAR_AGE_S),
        last_ingest=Probe(lambda: last_ingest(prefect), max_age_s=LAST_INGEST_AGE_S),
        chat_model=_probe(chat_model, UPSTREAM_AGE_S),
        embeddings=_probe(embeddings, UPSTREAM_AGE_S),
        embedding_model=embeddings.name if embeddings else None,
        database=_probe(database, NEAR_AGE_S),
        redis=_probe(redis, NEAR_AGE_S),
    )


def _probe(service: _Pinged | None, max_age_s: float) -> Probe[None] | None:
    return Probe(service.ping, max_age_s=max_age_s) if service else None

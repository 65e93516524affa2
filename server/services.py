"""What the handlers need, opened and closed in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from server.answering.answer_cache import AnswerCache
from server.answering.events import ChatEvent
from server.answering.generate import AnswerGenerator
from server.answering.pacing import Timing
from server.answering.progress import AnswerProgress
from server.answering.resume import RecentAnswers
from server.answering.running import RunningAnswers
from server.conversations.memory import ConversationMemory, database_address
from server.finding.passages import Passages, SearchOutcome
from server.finding.retriever import Retriever
from server.http.auth import Access
from server.http.draining import Draining
from server.http.limits import RateLimits
from server.metrics import Metrics
from server.models.budget import Budget
from server.models.chat_model import ChatModel, most_cost
from server.models.prompts import rules
from server.models.query_embeddings import QueryEmbeddings
from server.models.quoting.quoting_model import open_extractive
from server.models.rewriting import BoundedCompletions, CompletingModel, rewriting
from server.prefect_api import PrefectApi
from server.questions import ChatRequest
from server.redis_server import RedisServer
from server.status.health import Health, last_ingest
from server.status.probes import Probe
from server.version import VERSION
from shared.embedding.model import EmbeddingModel, choose_model, open_embeddings
from shared.index.bm25 import Bm25
from shared.index.open_index import open_index
from shared.index.port import Filter, Index
from shared.pricing import price_usd
from shared.settings import Settings
from shared.tokens import load_tokenizer, vocabulary_folder

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
    running: RunningAnswers = field(default_factory=RunningAnswers)
    drain: Draining = field(default_factory=Draining)
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
            stack.push_async_callback(self.health.aclose)


def open_services(settings: Settings) -> Services:
    """Every client, made but not connected yet; raises `ConfigurationError` and `ServiceError`.

    Reads the tokenizer's vocabulary (0.1 s): call it before serving.
    """
    tokenizer = load_tokenizer(vocabulary_folder(settings.data_dir))
    index = open_index(settings)
    metrics = Metrics()
    redis = RedisServer(settings.redis_url.get_secret_value()) if settings.redis_url else None
    budget = open_budget(settings, metrics, redis)
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
    )
    prefect = PrefectApi(settings)
    conversations = ConversationMemory(database_address(settings), days=settings.history_days)
    answer_cache = open_answer_cache(settings, model.name, redis)
    database = conversations if conversations.address else None
    asked = model if settings.openai_api_key else None
    health = _open_health(index, prefect, chat_model=asked, embeddings=embeddings, database=database, redis=redis)
    optional = [client.aclose for client in (redis, embeddings) if client]
    limits = RateLimits(settings)
    _warn_of_unknown_prices(settings)
    return Services(
        settings=settings,
        index=index,
        finder=finder,
        answerer=AnswerGenerator(model=model, fallback=fallback, may_spend=lambda: budget.hold(*most_cost(model.name))),
        prefect=prefect,
        health=health,
        exact_tokens=tokenizer.exact,
        limits=limits,
        access=Access(settings),
        budget=budget,
        metrics=metrics,
        conversations=conversations,
        answer_cache=answer_cache,
        redis=redis,
        closers=(
            *optional,
            answer_cache.aclose,
            conversations.aclose,
            index.aclose,
            finder.aclose,
            prefect.aclose,
            model.aclose,
            budget.aclose,
            limits.aclose,
        ),
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


def open_budget(settings: Settings, metrics: Metrics, redis: RedisServer | None = None) -> Budget:
    """The budget of the settings."""
    return Budget(
        settings.daily_budget_usd,
        cap_tokens=settings.daily_budget_tokens,
        share=settings.daily_budget_share,
        metrics=metrics,
        redis=redis,
        name=settings.collection,
    )


def open_answer_cache(settings: Settings, model: str, redis: RedisServer | None) -> AnswerCache:
    """The cache of the settings; what answers hang on beside the question and the build is all in here."""
    embedded_at = settings.embedding_base_url or settings.openai_base_url
    circumstances = (
        VERSION,
        model,
        settings.openai_base_url,
        rules(),
        str(settings.answer_support),
        f"{choose_model(settings)} {embedded_at}",
    )
    return AnswerCache(circumstances, collection=settings.collection, keep_s=settings.answer_cache_hours * 3600, redis=redis)


def _warn_of_unknown_prices(settings: Settings) -> None:
    priced = {settings.chat_model: settings.openai_api_key, settings.embedding_model: settings.embedding_key}
    unknown = [model for model, key in priced.items() if key is not None and price_usd(model, 1) is None]
    if unknown and settings.daily_budget_usd and not settings.daily_budget_tokens:
        log.warning(
            "not_in_the_budget", models=unknown, reason="Their prices are not known; DAILY_BUDGET_USD does not stop them."
        )


def open_chat_model(settings: Settings, *, count: Callable[[str], int]) -> ChatModel:
    """The model of the settings: without OPENAI_API_KEY, the one that quotes. Nothing is connected to yet."""
    if settings.openai_api_key is None:
        return open_extractive(settings)
    from server.models.openai_chat import OpenAIChat  # the SDK is 50 MB nobody needs without a key

    return OpenAIChat(name=settings.chat_model, base_url=settings.openai_base_url, api_key=settings.openai_api_key, count=count)

"""The chat model and the budget that the settings mean."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from server.metrics import Metrics
from server.models.budget import Budget
from server.models.chat_model import ChatModel
from server.models.quoting.quoting_model import open_extractive
from server.redis_server import RedisServer
from shared.pricing import price_usd
from shared.settings import Settings

log = structlog.get_logger(__name__)


def open_chat_model(settings: Settings, *, count: Callable[[str], int]) -> ChatModel:
    """The model of the settings: without OPENAI_API_KEY, the one that quotes. Nothing is connected to yet."""
    if settings.openai_api_key is None:
        return open_extractive(settings)
    from server.models.openai_chat import OpenAIChat  # the SDK is 50 MB nobody needs without a key

    return OpenAIChat(name=settings.chat_model, base_url=settings.openai_base_url, api_key=settings.openai_api_key, count=count)


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


def warn_of_unknown_prices(settings: Settings) -> None:
    """Say which models DAILY_BUDGET_USD does not stop."""
    priced = {settings.chat_model: settings.openai_api_key, settings.embedding_model: settings.embedding_key}
    unknown = [model for model, key in priced.items() if key is not None and price_usd(model, 1) is None]
    if unknown and settings.daily_budget_usd and not settings.daily_budget_tokens:
        log.warning(
            "not_in_the_budget", models=unknown, reason="Their prices are not known; DAILY_BUDGET_USD does not stop them."
        )

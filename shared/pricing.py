"""What models cost, in US dollars.

List prices of OpenAI (https://platform.openai.com/docs/pricing), standard tier, no cached input, no batch discount. A model
that is not listed has no known price: its cost is None, never a guess.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.embedding import local_embeddings

MILLION = 1_000_000


class Price(NamedTuple):
    """US dollars for a million tokens."""

    prompt: float
    completion: float = 0.0


PRICES = {
    "gpt-4o-mini": Price(0.15, 0.60),
    "gpt-4o": Price(2.50, 10.00),
    "gpt-4.1": Price(2.00, 8.00),
    "gpt-4.1-mini": Price(0.40, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.40),
    "gpt-5": Price(1.25, 10.00),
    "gpt-5-mini": Price(0.25, 2.00),
    "gpt-5-nano": Price(0.05, 0.40),
    "gpt-4-turbo": Price(10.00, 30.00),
    "gpt-3.5-turbo": Price(0.50, 1.50),
    "o3": Price(2.00, 8.00),
    "o3-mini": Price(1.10, 4.40),
    "o4-mini": Price(1.10, 4.40),
    "text-embedding-3-small": Price(0.02),
    "text-embedding-3-large": Price(0.13),
    "text-embedding-ada-002": Price(0.10),
    local_embeddings.NAME: Price(0.0),
}
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}\Z")


def price_usd(model: str, prompt_tokens: int, completion_tokens: int = 0) -> float | None:
    """Dollars for this many tokens, of a chat or an embedding model; None when the model's price is not known.

    A dated snapshot costs what its family does: `gpt-4o-mini-2024-07-18` is `gpt-4o-mini`.
    """
    price = PRICES.get(_SNAPSHOT.sub("", model))
    if price is None:
        return None
    return (prompt_tokens * price.prompt + completion_tokens * price.completion) / MILLION

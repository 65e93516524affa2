"""What models cost."""

from __future__ import annotations

import pytest

from shared.pricing import price_usd


def test_prompt_and_completion_have_their_own_price() -> None:
    assert price_usd("gpt-4o-mini", 1_000_000) == pytest.approx(0.15)
    assert price_usd("gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(0.75)
    assert price_usd("text-embedding-3-small", 500_000) == pytest.approx(0.01)
    assert price_usd("gpt-4o", 0) == 0


def test_a_dated_snapshot_costs_what_its_family_does() -> None:
    assert price_usd("gpt-4o-mini-2024-07-18", 1000, 1000) == price_usd("gpt-4o-mini", 1000, 1000)


def test_an_unknown_model_has_no_price() -> None:
    assert price_usd("llama3.1:8b", 1000) is None
    assert price_usd("gpt-4o-mini-preview", 1000) is None

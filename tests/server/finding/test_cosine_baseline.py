"""The zero that cosines are measured from."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.finding.cosine_baseline import CosineBaseline, Spread
from tests.support.small_book import Concepts, open_book

MODEL = Concepts(["arm", "arms"], ["leg", "legs"])


def pages(number: int) -> dict[str, str]:
    return {f"{n}.md": f"# {'Arm' if n % 2 else 'Leg'} {n}\n\nPage {n} speaks.\n" for n in range(number)}


async def test_the_spread_of_a_book_lies_between_unlike_and_alike(tmp_path: Path) -> None:
    async with open_book(tmp_path, pages(12), model=MODEL) as index, index.snapshot() as snapshot:
        spread = await CosineBaseline(index).spread(snapshot)
    assert spread is not None
    assert 0 < spread.mean < 1
    assert spread.above(1.0) > 0 > spread.above(0.0)


async def test_a_book_of_few_long_pages_is_sampled_within_them(tmp_path: Path) -> None:
    text = "".join(
        f"# {'Arm' if n % 2 else 'Leg'}\n\n{f'Paragraph {n} of the page speaks of the robot. ' * 12}\n\n" for n in range(12)
    )
    async with open_book(tmp_path, {"robot.md": text}, model=MODEL) as index, index.snapshot() as snapshot:
        assert snapshot.build.chunks >= 8
        assert await CosineBaseline(index).spread(snapshot) is not None


@pytest.mark.parametrize(("number", "model"), [(12, None), (3, MODEL)])
async def test_without_vectors_or_with_few_nothing_is_said(tmp_path: Path, number: int, model: Concepts | None) -> None:
    async with open_book(tmp_path, pages(number), model=model) as index, index.snapshot() as snapshot:
        assert await CosineBaseline(index).spread(snapshot) is None


def test_cosines_are_measured_in_deviations() -> None:
    assert Spread(mean=0.2, deviation=0.1).above(0.5) == pytest.approx(3.0)

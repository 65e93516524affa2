"""Requests made at the same moment are one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.index.remote.together import Together


async def test_what_is_asked_for_at_the_same_moment_is_one_request_and_each_gets_its_own_answer() -> None:
    sent: list[Sequence[int]] = []

    async def double(numbers: Sequence[int]) -> list[int]:
        sent.append(numbers)
        return [2 * number for number in numbers]

    together = Together(double)
    assert await asyncio.gather(*(together.ask(number) for number in range(3))) == [0, 2, 4]
    assert await together.ask(7) == 14
    assert sent == [[0, 1, 2], [7]]


async def test_everyone_is_told_what_went_wrong() -> None:
    async def fail(numbers: Sequence[int]) -> list[int]:
        raise LookupError(str(numbers))

    together = Together(fail)
    failed = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
    assert [str(each) for each in failed] == ["[1, 2]", "[1, 2]"]


@pytest.mark.parametrize("found", [[], [1, 2, 3]])
async def test_whoever_waits_is_told_too_when_the_results_are_not_one_for_each(found: list[int]) -> None:
    async def answer(numbers: Sequence[int]) -> list[int]:
        return found

    together = Together(answer)
    failed = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
    assert [type(each) for each in failed] == [ValueError, ValueError]


async def test_whoever_stops_waiting_leaves_the_request_to_the_others() -> None:
    may_answer = asyncio.Event()

    async def answer(numbers: Sequence[int]) -> list[int]:
        await may_answer.wait()
        return list(numbers)

    together = Together(answer)
    left, stays = (asyncio.create_task(together.ask(number)) for number in (1, 2))
    await asyncio.sleep(0)
    left.cancel()
    may_answer.set()
    assert await stays == 2
    with pytest.raises(asyncio.CancelledError):
        await left

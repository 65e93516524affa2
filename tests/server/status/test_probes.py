from __future__ import annotations

import asyncio

from server.status.probes import Probe
from shared.errors import ServiceError


async def test_nobody_waits_longer_than_they_want_to() -> None:
    go = asyncio.Event()

    async def slow() -> int:
        await go.wait()
        return 7

    probe = Probe(slow, max_age_s=60.0)
    assert await probe.look(0.0) is None
    go.set()
    result = await probe.look(5.0)
    assert result is not None
    assert (result.is_well, result.value) == (True, 7)


async def test_however_often_somebody_looks_it_is_asked_once() -> None:
    asked = 0

    async def count() -> int:
        nonlocal asked
        asked += 1
        return asked

    probe = Probe(count, max_age_s=60.0)
    results = await asyncio.gather(*(probe.look(5.0) for _ in range(10)))
    assert [result.value for result in results if result] == [1] * 10
    assert asked == 1


async def test_a_failure_is_a_result_too_and_is_asked_again() -> None:
    answers = iter([ServiceError("qdrant", "Away.", transient=True), None])

    async def moody() -> None:
        if (answer := next(answers)) is not None:
            raise answer

    probe = Probe(moody, max_age_s=0.0)
    first, second = await probe.look(5.0), await probe.look(5.0)
    assert first is not None
    assert second is not None
    assert (first.is_well, second.is_well) == (False, True)


async def test_closing_stops_asking() -> None:
    left = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    probe = Probe(forever, max_age_s=60.0)
    await probe.look(0.01)
    await probe.aclose()
    assert left.is_set()

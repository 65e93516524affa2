from __future__ import annotations

import asyncio

from server.http.draining import Draining
from tests.support.live_server import until


async def test_with_nothing_on_its_way_it_is_over_at_once() -> None:
    drain = Draining()
    await drain.run(lambda: 0)
    assert drain.is_draining
    assert drain.closing.is_set()


async def test_answers_that_end_by_themselves_are_not_cut() -> None:
    drain, streams = Draining(), [1]
    running = asyncio.create_task(drain.run(lambda: len(streams)))
    await until(lambda: drain.is_draining)
    assert not drain.closing.is_set()
    streams.clear()
    await running


async def test_whoever_is_in_a_hurry_need_not_wait() -> None:
    drain, streams = Draining(), [1]
    running = asyncio.create_task(drain.run(lambda: len(streams)))
    await until(lambda: drain.is_draining)
    drain.closing.set()
    streams.clear()
    await running

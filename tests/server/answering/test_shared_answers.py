"""An answer taken up again at another replica, over a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import pytest

from server.answering import shared_answers
from server.answering.resume import MAX_BYTES, Recording
from server.answering.shared_answers import SharedAnswers
from server.redis_server import RedisServer
from tests.support.databases.redis import RedisProcess
from tests.support.live_server import until


def cut_off(recording: Recording) -> None:
    recording.append(b"cut off")


@pytest.fixture
async def replicas(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[SharedAnswers, SharedAnswers]]:
    monkeypatch.setattr(shared_answers, "WRITE_EVERY_S", 0.0)
    servers = RedisServer(redis.url), RedisServer(redis.url)
    one, other = (SharedAnswers(server, "book") for server in servers)
    yield one, other
    for each in (one, other, *servers):
        await each.aclose()


async def fetched(replica: SharedAnswers, key: str = "k", *, frames: int = 0) -> Recording:
    """The copy, once it has that many frames."""
    found: list[Recording] = []

    async def is_there() -> bool:
        recording = await replica.fetch(key, cut_off)
        if recording is not None and recording.next_id > frames:
            found.append(recording)
        return bool(found)

    await until(is_there)
    return found[0]


async def read(recording: Recording, after: int) -> list[bytes]:
    return [frame async for frame in recording.follow(after)]


async def test_another_replica_goes_on_with_an_answer_while_it_is_written(
    replicas: tuple[SharedAnswers, SharedAnswers],
) -> None:
    one, other = replicas
    assert await other.fetch("k", cut_off) is None
    recording = one.record("k")
    recording.append(b"a")
    recording.append(b"b")
    following = asyncio.create_task(read(await fetched(other, frames=2), 1))
    recording.append(b"c")
    await asyncio.sleep(0)
    recording.append(b"d")
    recording.finish()
    assert await following == [b"b", b"c", b"d"]
    whole = await fetched(other, frames=4)
    await until(lambda: whole.is_over_after(4))
    assert await read(whole, 3) == [b"d"]


async def test_an_answer_whose_process_died_is_cut_off(
    replicas: tuple[SharedAnswers, SharedAnswers], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = replicas
    monkeypatch.setattr(shared_answers, "ALIVE_S", 1)
    one.record("k").append(b"a")
    following = asyncio.create_task(read(await fetched(other, frames=1), 0))
    await one.aclose()  # nothing is written any more
    assert await following == [b"a", b"cut off"]


async def test_what_is_being_written_is_kept_alive_however_long_nothing_is_said(
    replicas: tuple[SharedAnswers, SharedAnswers], redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = replicas
    monkeypatch.setattr(shared_answers, "SIGN_EVERY_S", 0.01)
    signs = 0
    with commands_of(one) as seen:
        recording = one.record("k")
        recording.append(b"a")
        await until(lambda: [name for name, *_ in seen].count("EXPIRE") > 5)
        signs = [name for name, *_ in seen].count("RPUSH")
    assert signs == 1


async def test_an_answer_too_long_to_keep_and_one_without_redis_are_nobody_elses(
    replicas: tuple[SharedAnswers, SharedAnswers], redis: RedisProcess
) -> None:
    one, other = replicas
    with commands_of(one) as seen:
        recording = one.record("long")
        recording.append(b"x" * (MAX_BYTES + 1))
        recording.finish()
        await until(lambda: [name for name, *_ in seen].count("DEL") == 2)
    assert await other.fetch("long", cut_off) is None
    redis.stop()
    recording = one.record("k")
    recording.append(b"a")
    recording.finish()
    assert one.find("k") is recording
    assert await other.fetch("k", cut_off) is None


@contextmanager
def commands_of(replica: SharedAnswers) -> Iterator[list[tuple[object, ...]]]:
    """What it asks of Redis meanwhile."""
    server, seen = replica._redis, []
    run = server.run

    async def noted(*command: str | bytes | int) -> object:
        reply = await run(*command)
        seen.append(command)
        return reply

    server.run = noted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        server.run = run  # type: ignore[method-assign]

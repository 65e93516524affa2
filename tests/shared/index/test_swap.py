"""Questions while builds are swapped: the real index, the real retrieval, the real answers, a real socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from blockbuster import blockbuster_ctx

from server.services import open_services
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.support.live_server import LiveServer, frames_of, serving, until
from tests.support.sample_builds import make_build, make_chunks

QUESTIONS = 60
PAUSE_S = 0.05
"""20 questions a second."""


@pytest.fixture
async def live(tmp_path: Path) -> AsyncGenerator[LiveServer]:
    settings = Settings(data_dir=tmp_path, prefect_api_url="http://127.0.0.1:1/api")
    async with serving(open_services(settings)) as server:
        yield server


async def publish(settings: Settings, hour: int) -> str:
    """One more build, as an ingest writes it; every page of it says which one it is."""
    chunks = make_chunks({f"e{hour}-{n}.md": [f"The gripper moves {n} joints."] for n in range(1, 6)})
    build = make_build(chunks, hour=hour, dimensions=None)
    writer = open_index(settings)
    await writer.publish(build, chunks, None)
    await writer.aclose()
    return build.id


async def ask(live: LiveServer) -> httpx.Response:
    return await live.ask({"question": "How many joints does the gripper move?"})


async def test_questions_asked_while_builds_are_swapped_are_answered_from_one_of_them(live: LiveServer) -> None:
    settings = live.services.settings
    builds = [await publish(settings, 0)]
    asking: list[asyncio.Task[httpx.Response]] = []
    for n in range(QUESTIONS):
        asking.append(asyncio.create_task(ask(live)))
        await asyncio.sleep(PAUSE_S)
        if n % 10 == 5:
            builds.append(await publish(settings, len(builds)))
    answers = await asyncio.gather(*asking)
    assert {answer.status_code for answer in answers} == {200}
    told: set[str] = set()
    for answer in answers:
        start, sources, *_, done = frames_of(answer.text)
        edition = f"/docs/e{builds.index(start['metadata']['build'])}-"
        assert done["finish_reason"] == "stop"
        assert {source["url"].startswith(edition) for source in sources["sources"]} == {True}
        told.add(edition)
    assert len(told) > 2


async def test_the_first_build_and_every_later_one_are_seen_without_a_restart(live: LiveServer) -> None:
    assert frames_of((await ask(live)).text)[-1]["abstained"] is True
    assert (await live.client.get("/health/ready")).status_code == 503
    for hour in range(2):
        build_id = await publish(live.services.settings, hour)

        async def is_live(expected: str = build_id) -> bool:
            return frames_of((await ask(live)).text)[0]["metadata"].get("build") == expected

        await until(is_live)

        async def is_told(expected: str = build_id) -> bool:
            build = (await live.client.get("/health")).json()["build"]
            return build is not None and build["id"] == expected

        await until(is_told)


def damage(settings: Settings, *builds: str) -> None:
    for build in builds:
        os.truncate(settings.data_dir / "index" / settings.collection / "builds" / build / "chunks.sqlite", 5000)


async def health(live: LiveServer) -> tuple[str, bool, int]:
    """What /health says, whether the index is well, and the status of /health/ready."""
    said = (await live.client.get("/health")).json()
    return said["status"], said["qdrant_connected"], (await live.client.get("/health/ready")).status_code


async def test_readers_of_a_damaged_index_get_the_build_before_and_health_says_that_it_is_degraded(live: LiveServer) -> None:
    settings = live.services.settings
    first, second = [await publish(settings, hour) for hour in range(2)]
    damage(settings, second)
    answer = frames_of((await ask(live)).text)
    assert (answer[0]["metadata"]["build"], answer[-1]["finish_reason"]) == (first, "stop")

    async def is_told() -> bool:
        return await health(live) == ("degraded", False, 200)

    await until(is_told)


async def test_a_damaged_index_without_a_whole_build_is_not_ready(live: LiveServer) -> None:
    settings = live.services.settings
    damage(settings, await publish(settings, 0))

    async def is_told() -> bool:
        return await health(live) == ("degraded", False, 503)

    await until(is_told)
    assert '"index_unavailable"' in (await ask(live)).text


async def test_answering_from_the_real_index_does_not_block_the_loop(live: LiveServer) -> None:
    await publish(live.services.settings, 0)
    with blockbuster_ctx():
        answers = await asyncio.gather(ask(live), live.client.get("/search?q=gripper"), live.client.get("/health"))
    assert [answer.status_code for answer in answers] == [200, 200, 200]

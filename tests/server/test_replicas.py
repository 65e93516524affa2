"""Two server processes behind nginx, over one Redis and one Postgres: to their readers they are one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.index.open_index import open_index
from shared.settings import Settings
from tests.support.databases.postgres import Postgres
from tests.support.databases.redis import RedisProcess
from tests.support.live_server import frames_of, free_port, running, text_of, until
from tests.support.openai.stand_in import StandIn
from tests.support.proxies.nginx import PROGRAM, proxying
from tests.support.sample_builds import make_build
from tests.support.small_book import read

pytestmark = pytest.mark.processes

PAGES = {"grippers.md": "# Grippers\n\nThe gripper moves three joints.\n\n## Fingers\n\nA gripper has two fingers.\n"}
QUESTION = "How many joints does the gripper move?"


@dataclass(frozen=True)
class Replicas:
    """Each by itself, and both behind nginx, which asks them in turn."""

    processes: list[asyncio.subprocess.Process]
    clients: list[httpx.AsyncClient]
    proxy: httpx.AsyncClient


@pytest.fixture
async def replicas(
    tmp_path: Path, stand_in: StandIn, postgres: Postgres, redis: RedisProcess, request: pytest.FixtureRequest
) -> AsyncGenerator[Replicas]:
    if PROGRAM is None:
        pytest.skip("nginx is not installed: apt-get install nginx, or `make test` as root")
    given = {
        "ENVIRONMENT": "production", "TRUSTED_HOPS": "1", "PREFECT_API_URL": "http://127.0.0.1:1/api",
        "DATABASE_URL": postgres.make_database(f"replicas_{uuid4().hex}"), "REDIS_URL": redis.url,
        "OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": stand_in.base_url, "EMBEDDING_MODEL": "none",
    } | getattr(request, "param", {})  # fmt: skip
    async with AsyncExitStack() as stack:
        started = []
        ports = [free_port(), free_port()]
        for port in ports:
            folder = tmp_path / str(port)
            await write_book(folder / "data")
            started.append(await stack.enter_async_context(running(folder, PORT=str(port), **given)))
        clients = [client for _, client in started]
        for client in clients:
            client.headers["X-Forwarded-For"] = "127.0.0.1"  # as nginx says it: one reader, whichever way they come
            await until(lambda at=client: has_database(at))
        address = stack.enter_context(proxying(tmp_path, ports))
        proxy = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=None))
        yield Replicas([process for process, _ in started], clients, proxy)


async def write_book(data_dir: Path) -> None:
    """The same build in an index of each replica's own."""
    chunks = read(PAGES)
    writer = open_index(Settings(data_dir=data_dir))
    await writer.publish(make_build(chunks, dimensions=None), chunks, None)
    await writer.aclose()


async def has_database(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/health")).json()["database_connected"])


async def ask(client: httpx.AsyncClient, question: str = QUESTION, **body: Any) -> dict[str, Any]:
    return (await client.post("/chat", json={"question": question, "stream": False} | body)).json()


@pytest.mark.parametrize("replicas", [{"REQUESTS_PER_MINUTE": "4"}], indirect=True)
async def test_a_reader_may_ask_as_often_as_one_server_would_let_them(replicas: Replicas) -> None:
    asked = [await replicas.proxy.post("/chat", json={"question": QUESTION, "stream": False}) for _ in range(6)]
    assert [response.status_code for response in asked] == [200] * 4 + [429] * 2
    assert len({response.headers["X-Replica"] for response in asked[:4]}) == 2


async def test_an_answer_is_given_again_and_remembered_by_the_other(replicas: Replicas, stand_in: StandIn) -> None:
    one, other = replicas.clients
    session = str(uuid4())
    stand_in.say(["It moves three ", "joints [1]."])
    first = await ask(one, session_id=session)

    async def is_given_again() -> bool:
        return (await ask(other)).get("metadata", {}).get("cached") is True

    await until(is_given_again)
    assert (await ask(other))["answer"] == first["answer"]

    async def knows_it() -> bool:
        history = await other.get(f"/chat/history/{session}")
        return history.status_code == 200 and history.json()["messages"][0]["answer"] == first["answer"]

    await until(knows_it)
    assert (await ask(other, "And how many fingers has it?", session_id=session))["metadata"]["history"] == "stored"


@pytest.mark.parametrize("replicas", [{"DAILY_BUDGET_USD": "0.00001", "ANSWER_CACHE_HOURS": "0"}], indirect=True)
async def test_what_one_has_spent_the_other_has_not_to_spend(replicas: Replicas) -> None:
    one, other = replicas.clients
    assert (await ask(one))["degraded"] is False

    async def is_spent() -> bool:
        answer = await ask(other)
        return (answer["degraded"], answer["metadata"].get("reason")) == (True, "budget")

    await until(is_spent)


async def test_a_reader_whose_connection_broke_goes_on_at_the_other(replicas: Replicas, stand_in: StandIn) -> None:
    said = [f"word{n} " for n in range(60)] + ["[1]."]
    stand_in.say(said)
    stand_in.pace_s = 0.05
    one, other = replicas.clients
    seen = ""
    whole = ""
    async with one.stream("POST", "/chat", json={"question": QUESTION}) as response:
        async for piece in response.aiter_text():
            whole += piece
            if whole.count('"chunk"') == 3 and not seen:
                seen = [line for line in whole.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")
                rest = asyncio.create_task(other.post("/chat", json={"question": QUESTION}, headers={"Last-Event-ID": seen}))
    resumed = (await rest).text
    assert resumed == whole[whole.index(f"id: {int(seen) + 1}\n") :]
    assert frames_of(resumed)[-1]["finish_reason"] == "stop"
    assert text_of(whole).endswith(text_of(resumed))
    assert stand_in.count("chat") == 1


async def test_when_a_replica_dies_its_readers_are_told_and_served_by_the_other(replicas: Replicas, stand_in: StandIn) -> None:
    stand_in.say([f"word{n} " for n in range(1000)])
    stand_in.pace_s = 0.05
    one, other = replicas.clients
    whole = ""
    with suppress(httpx.RemoteProtocolError):  # its connection breaks
        async with one.stream("POST", "/chat", json={"question": QUESTION}) as response:
            async for piece in response.aiter_text():
                whole += piece
                if whole.count('"chunk"') == 30:
                    replicas.processes[0].kill()
    seen = [line for line in whole.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")
    rest = await other.post("/chat", json={"question": QUESTION}, headers={"Last-Event-ID": seen})
    ended = frames_of(rest.text)
    assert [frame["type"] for frame in ended[-2:]] == ["error", "done"]
    assert (ended[-2]["error"], ended[-1]["finish_reason"]) == ("connection_lost", "error")
    stand_in.reset()
    for _ in range(4):
        assert "answer" in await ask(replicas.proxy)

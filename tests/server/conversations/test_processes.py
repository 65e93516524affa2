"""Conversations in real server processes: they share one Postgres, and what one was told outlives it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from shared.index.open_index import open_index
from shared.settings import Settings
from tests.server.conversations.test_memory import PAGES, TURNS
from tests.support.databases.postgres import Postgres
from tests.support.live_server import running, until
from tests.support.sample_builds import make_build
from tests.support.small_book import read

pytestmark = pytest.mark.processes


async def write_book(data_dir: Path) -> None:
    chunks = read(PAGES)
    writer = open_index(Settings(data_dir=data_dir))
    await writer.publish(make_build(chunks, dimensions=None), chunks, None)
    await writer.aclose()


async def test_two_servers_go_on_with_one_conversation_and_one_when_the_other_is_killed(
    tmp_path: Path, postgres: Postgres
) -> None:
    address, session = postgres.make_database(f"processes_{uuid4().hex}"), str(uuid4())
    async with AsyncExitStack() as stack:
        servers = []
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            await write_book(folder / "data")
            settings = {"DATABASE_URL": address, "PREFECT_API_URL": "http://127.0.0.1:1/api"}
            servers.append(await stack.enter_async_context(running(folder, **settings)))
        for n, (question, section) in enumerate(TURNS):
            client = servers[n % 2][1]
            await until(lambda at=client, said=n: knows(at, session, said))
            if n == len(TURNS) - 1:
                servers[n % 2 - 1][0].kill()
            asked = {"question": question, "session_id": session, "stream": False}
            answer = (await client.post("/chat", json=asked)).json()
            cited = [source["section"] for source in answer["sources"] if source["n"] in answer["cited"]]
            assert cited[0] == section, (question, answer)


async def test_what_a_reader_saw_to_its_end_outlives_a_kill_at_that_moment(tmp_path: Path) -> None:
    await write_book(tmp_path / "data")
    settings = {"PREFECT_API_URL": "http://127.0.0.1:1/api"}
    sessions = [str(uuid4()) for _ in range(3)]
    for session in sessions:
        async with running(tmp_path, **settings) as (process, client):
            await until(lambda at=client, of=session: knows(at, of, 0))
            async with client.stream("POST", "/chat", json={"question": TURNS[0][0], "session_id": session}) as response:
                async for line in response.aiter_lines():
                    if '"type":"done"' in line:
                        process.kill()
                        break
    async with running(tmp_path, **settings) as (_process, client):
        await until(lambda: knows(client, "", 0))
        for session in sessions:
            assert await knows(client, session, 1)


async def knows(client: httpx.AsyncClient, session: str, messages: int) -> bool:
    """Whether that server reads so many messages of the conversation; of none, whether it has its database."""
    if messages == 0:
        return bool((await client.get("/health")).json()["database_connected"])
    response = await client.get(f"/chat/history/{session}")
    return response.status_code == 200 and len(response.json()["messages"]) == messages

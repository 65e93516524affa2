from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.status.health import STARTING_S
from server.status.probes import Probe
from server.version import VERSION
from shared.errors import ServiceError
from shared.settings import Settings
from tests.server.answering.test_answer_cache import book
from tests.support.databases.postgres import Postgres
from tests.support.databases.redis import RedisProcess
from tests.support.fakes import FakeFinder, FakeIndex, PrefectStandIn, make_build, make_services
from tests.support.live_server import serving, until
from tests.support.openai.stand_in import StandIn


async def test_health_says_what_is_live() -> None:
    async with serving(make_services()) as live:
        response = await live.client.get("/health")
    assert response.status_code == 200
    health = response.json()
    assert health.pop("uptime") >= 0
    assert health == {
        "status": "ok",
        "version": VERSION,
        "qdrant_connected": True,
        "openai_connected": False,
        "embeddings_connected": False,
        "prefect_connected": True,
        "database_connected": False,
        "redis_connected": False,
        "documents_count": 2,
        "chunks_count": 3,
        "build": {
            "id": "20250101-a",
            "created_at": "2025-01-01T12:00:00Z",
            "documents": 2,
            "chunks": 3,
            "embedding_model": None,
        },
        "advice": None,
        "chat_model": "extractive",
        "embedding_model": None,
        "tokenizer": "exact",
        "open_streams": 0,
    }


async def test_before_the_first_build_the_process_lives_but_is_not_ready() -> None:
    index = FakeIndex(None)
    async with serving(make_services(index=index)) as live:
        assert (await live.client.get("/health")).json()["status"] == "reading"
        assert (await live.client.get("/health/live")).status_code == 200
        unready = await live.client.get("/health/ready")
        assert (unready.status_code, unready.json()["code"]) == (503, "book_not_read")
        index.build = make_build("20250102-b")
        assert (await live.client.get("/health/ready")).status_code == 200
        assert (await live.client.get("/health")).json()["build"]["id"] == "20250102-b"


async def test_what_is_away_is_named_and_health_still_answers() -> None:
    async def refuse() -> None:
        raise ServiceError("openai", "The key is wrong.", transient=False)

    index, prefect = FakeIndex(make_build()), PrefectStandIn()
    services = make_services(index=index, prefect=prefect, chat_model=Probe(refuse, max_age_s=60.0))
    async with serving(services) as live:
        health = (await live.client.get("/health")).json()
        assert (health["status"], health["openai_connected"], health["qdrant_connected"]) == ("degraded", False, True)
        assert health["chat_model"] == "gpt-4o-mini"
        prefect.is_away = index.is_away = True
        health = (await live.client.get("/health")).json()
        assert (health["qdrant_connected"], health["prefect_connected"]) == (False, False)


async def test_an_upstream_that_hangs_does_not_hold_health_up() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    services = make_services(chat_model=Probe(hang, max_age_s=60.0))
    async with serving(services) as live:
        assert (await live.client.get("/health")).json()["openai_connected"] is False


async def test_the_source_of_the_book_is_not_told() -> None:
    async with serving(make_services(finder=FakeFinder(build=make_build()))) as live:
        assert "/book" not in (await live.client.get("/health")).text


async def test_reading_is_said_only_while_somebody_reads_or_soon_will() -> None:
    prefect = PrefectStandIn()
    services = make_services(index=FakeIndex(None), prefect=prefect)
    services = replace(services, health=replace(services.health, began=time.monotonic() - STARTING_S - 1))
    async with serving(services) as live:

        async def report() -> tuple[str, str | None]:
            health = (await live.client.get("/health")).json()
            return health["status"], health["advice"]

        status, advice = await report()
        assert (status, advice) == ("no_book", "No ingest was started yet: start one with `POST /ingest`.")
        run = prefect.add_run("RUNNING")
        assert await report() == ("reading", None)
        run["state"]["type"] = "FAILED"
        status, advice = await report()
        assert (status, "failed" in str(advice)) == ("no_book", True)
        run["state"] |= {"type": "RUNNING", "timestamp": "2025-01-01T12:00:00+00:00"}
        status, advice = await report()
        assert (status, "has died" in str(advice)) == ("no_book", True)
        prefect.is_away = True
        status, advice = await report()
        assert (status, "Prefect does not answer" in str(advice)) == ("no_book", True)
        text = (await live.ask({"question": "Why?", "stream": False})).json()["answer"]
    assert text.startswith("The book has not been read yet")


async def test_where_no_book_is_read_nobody_is_told_to_wait() -> None:
    services = make_services(settings=Settings(book_source="none"), index=FakeIndex(None))
    async with serving(services) as live:
        health = (await live.client.get("/health")).json()
    assert (health["status"], health["advice"].split(":")[0]) == ("no_book", "BOOK_SOURCE=none")


async def test_shortly_after_the_start_prefect_may_still_be_coming() -> None:
    prefect = PrefectStandIn()
    prefect.is_away = True
    async with serving(make_services(index=FakeIndex(None), prefect=prefect)) as live:
        assert (await live.client.get("/health")).json()["status"] == "reading"


@pytest.mark.parametrize("prefix", ["", "/api", "/api/v1"])
@pytest.mark.parametrize(
    ("name", "code"), [("qdrant", "index_unavailable"), ("db", "history_unavailable"), ("redis", "redis_unavailable")]
)
async def test_each_dependency_is_asked_at_the_moment_and_again_at_the_next(prefix: str, name: str, code: str) -> None:
    is_away, asked = False, 0

    async def ping() -> None:
        nonlocal asked
        asked += 1
        if is_away:
            raise ServiceError("redis", "Away: redis://:secret@host.", transient=True)

    services = make_services()
    field = {"qdrant": "index", "db": "database"}.get(name, name)
    services = replace(services, health=replace(services.health, **{field: Probe(ping, max_age_s=600.0)}))
    async with serving(services) as live:
        up = await live.client.get(f"{prefix}/health/{name}")
        is_away = True
        down = await live.client.get(f"{prefix}/health/{name}")
        is_away = False
        up_again = await live.client.get(f"{prefix}/health/{name}")
    assert [(one.status_code, one.json()) for one in (up, up_again)] == [(200, {"status": "ok"})] * 2
    assert (down.status_code, down.json()["code"], asked) == (503, code, 3)
    assert "secret" not in down.text


async def test_a_dependency_that_hangs_is_no_longer_waited_for_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.routes.health.LOOK_UP_S", 0.01)
    services = make_services()
    services = replace(services, health=replace(services.health, redis=Probe(asyncio.Event().wait, max_age_s=600.0)))
    async with serving(services) as live:
        assert (await live.client.get("/health/redis")).status_code == 503


async def test_ready_names_what_is_down_and_goes_on_without_all_but_the_index() -> None:
    is_away: set[str] = set()

    def probe_of(name: str) -> Probe[None]:
        async def ping() -> None:
            if name in is_away:
                raise ServiceError("redis", "Away: redis://:secret@host.", transient=True)

        return Probe(ping, max_age_s=0.0)

    index = FakeIndex(make_build())
    services = make_services(index=index, chat_model=probe_of("chat_model"))
    changed = {name: probe_of(name) for name in ("database", "redis", "prefect")}
    services = replace(services, health=replace(services.health, **changed))
    async with serving(services) as live:

        async def ready() -> tuple[int, Any]:
            response = await live.client.get("/health/ready")
            said = response.json()
            return response.status_code, said.get("services") or (said["code"], said["detail"])

        well = {"index": "ok", "chat_model": "ok", "embeddings": "unused", "prefect": "ok", "database": "ok", "redis": "ok"}
        assert await ready() == (200, well)
        for name in ("database", "redis", "prefect", "chat_model"):
            is_away.add(name)
            assert await ready() == (200, well | {name: "down"})
            is_away.remove(name)
        is_away.add("redis")
        index.is_away = True
        assert await ready() == (503, ("index_unavailable", "The index does not answer. Down: index, redis."))
        index.is_away, index.build = False, None
        assert await ready() == (503, ("book_not_read", "The book has not been read yet. Down: redis."))


async def test_ready_waits_for_each_dependency_no_longer_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.status.health.ASKED_NOW_S", {"index": 60.0, "redis": 0.01, "prefect": 60.0})
    services = make_services()
    services = replace(services, health=replace(services.health, redis=Probe(asyncio.Event().wait, max_age_s=600.0)))
    async with serving(services) as live:
        response = await live.client.get("/health/ready")
    states = response.json()["services"]
    assert (response.status_code, states["index"], states["redis"], states["prefect"]) == (200, "ok", "down", "ok")


async def test_what_is_not_used_is_not_missed() -> None:
    async with serving(make_services()) as live:
        for name in ("db", "redis"):
            response = await live.client.get(f"/health/{name}")
            assert (response.status_code, response.json()) == (200, {"status": "unused"})


async def test_a_database_and_a_redis_that_go_and_come_back(
    tmp_path: Path, stand_in: StandIn, postgres: Postgres, redis: RedisProcess
) -> None:
    given = {"database_url": postgres.make_database(f"test_{uuid4().hex}"), "redis_url": redis.url}
    async with book(tmp_path, stand_in, **given) as live:

        async def are(status: int) -> bool:
            found = [(await live.client.get(f"/health/{name}")).status_code for name in ("db", "redis", "qdrant")]
            return found == [status, status, 200]

        await until(lambda: are(200))
        postgres.stop()
        redis.stop()
        assert await are(503)
        postgres.start()
        redis.start()
        await until(lambda: are(200))

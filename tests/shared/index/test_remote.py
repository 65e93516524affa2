"""The remote index against servers that are not what QDRANT_URL promised, and against its own leftovers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from shared.errors import ConfigurationError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.remote import server as qdrant_server
from shared.index.remote.index import RemoteIndex
from shared.index.remote.leftovers import DEAD_AFTER, ORPHAN_AGE
from shared.index.remote.points import MANIFEST_ID, MAX_BATCH_BYTES, last_sign, sign_point, to_points
from shared.index.remote.server import QdrantServer
from shared.index.remote.storage import Storage
from shared.models import Build
from shared.retry import Patience
from tests.support.loopback_http import Exchange, LoopbackServer, Received
from tests.support.sample_builds import make_build, make_chunks, make_vectors

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

WORDS = Bm25()
BOOK = make_chunks({"arm/a.md": ["Joints bend the arm.", "A gripper closes."], "b.md": ["Robots walk."]})
HTML = "<!doctype html><html><body>Welcome to the captive portal</body></html>"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant_server, "IN_AN_INGEST", Patience(3, 0.001, 60.0))
    monkeypatch.setattr(qdrant_server, "IN_A_QUESTION", Patience(2, 0.001, 1.0))


@pytest.fixture
async def client() -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(":memory:")
    yield client
    await client.close()


def open_index(client: AsyncQdrantClient, collection: str = "book") -> RemoteIndex:
    return RemoteIndex(QdrantServer(client, "memory"), collection=collection, bm25=WORDS)


async def names(client: AsyncQdrantClient) -> set[str]:
    return {collection.name for collection in (await client.get_collections()).collections}


async def publish(client: AsyncQdrantClient, build: Build, collection: str = "book") -> str:
    await open_index(client, collection).publish(build, BOOK, make_vectors(BOOK))
    return f"{collection}-{build.id}"


def build_begun(ago: timedelta) -> Build:
    now = datetime.now(UTC) - ago
    return make_build(BOOK).model_copy(update={"id": f"{now:%Y%m%dT%H%M%SZ}-0a", "created_at": now})


# What other people own on the same server


async def test_a_collection_that_is_not_ours_is_not_taken_over(client: AsyncQdrantClient) -> None:
    await client.create_collection("book", vectors_config={})
    with pytest.raises(
        ConfigurationError, match="has a collection 'book' that is not Lectern's alias; choose another COLLECTION"
    ):
        await publish(client, make_build(BOOK))
    assert await names(client) == {"book"}


async def test_an_alias_to_a_collection_we_did_not_write_is_one_clear_error(client: AsyncQdrantClient) -> None:
    await client.create_collection("theirs", vectors_config={})
    alias = models.CreateAlias(collection_name="theirs", alias_name="book")
    await client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    with pytest.raises(ServiceError, match="Collection 'theirs' on memory is not one this version of Lectern has written"):
        await open_index(client).live()


async def test_books_whose_names_begin_alike_leave_each_other_alone(client: AsyncQdrantClient) -> None:
    others = {await publish(client, make_build(BOOK, hour=hour), "book-two") for hour in range(2)}
    await publish(client, make_build(BOOK))
    newest = {await publish(client, make_build(BOOK, hour=hour)) for hour in (3, 4)}
    await client.create_collection("book-notes", vectors_config={})
    assert await names(client) == others | newest | {"book-notes"}


# What killed ingests leave behind


async def test_a_leftover_goes_when_nobody_writes_it_any_more(client: AsyncQdrantClient) -> None:
    now = datetime.now(UTC)
    signs = {5: DEAD_AFTER + timedelta(seconds=1), 4: timedelta(seconds=30), 3: None}
    server, made = QdrantServer(client, "memory"), dict[int, str]()
    for minutes, ago in signs.items():
        name = made[minutes] = f"book-{build_begun(timedelta(minutes=minutes)).id}"
        await server.create(name, 4)
        if ago is not None:
            await server.upsert(name, [sign_point(now - ago, "another")])
    old = f"book-{build_begun(ORPHAN_AGE + timedelta(minutes=1)).id}"
    await server.create(old, 4)
    before = await names(client)
    live = await publish(client, build_begun(timedelta(0)))
    assert await names(client) == before - {old, made[5]} | {live}


async def test_preparing_an_ingest_clears_what_killed_ones_left_and_keeps_the_build_to_go_back_to(
    client: AsyncQdrantClient,
) -> None:
    kept = {await publish(client, make_build(BOOK, hour=hour)) for hour in range(2)}
    dead = f"book-{build_begun(timedelta(minutes=9)).id}"
    await QdrantServer(client, "memory").create(dead, 4)
    await QdrantServer(client, "memory").upsert(dead, [sign_point(datetime.now(UTC) - 2 * DEAD_AFTER, "another")])
    await open_index(client).prepare()
    assert await names(client) == kept


async def test_a_build_under_way_tells_that_it_is_being_written(
    client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, seen = make_build(BOOK), []
    upsert = QdrantServer.upsert

    async def watching(self: QdrantServer, name: str, batch: list[models.PointStruct]) -> None:
        await upsert(self, name, batch)
        payload = (await self.retrieve(name, [MANIFEST_ID])).get(MANIFEST_ID)
        seen.append(last_sign(payload) is not None)

    monkeypatch.setattr(QdrantServer, "upsert", watching)
    await publish(client, build)
    assert seen[0]
    assert not seen[-1]
    assert await open_index(client).live() == build


async def test_a_build_that_lost_points_is_not_healthy(client: AsyncQdrantClient) -> None:
    name = await publish(client, make_build(BOOK))
    await open_index(client).ping()
    lost = models.Filter(must=[models.FieldCondition(key="id", match=models.MatchValue(value=BOOK[0].id))])
    await client.delete(name, models.FilterSelector(filter=lost))
    with pytest.raises(ServiceError, match="holds 2 of 3 chunks; ingest again"):
        await open_index(client).ping()


async def test_a_collection_is_kept_as_the_settings_say(client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, dict[str, Any]] = {}
    create = client.create_collection

    async def watching(name: str, **how: Any) -> bool:
        asked[name] = how
        return await create(name, **how)

    monkeypatch.setattr(client, "create_collection", watching)
    storages = {
        "plain": Storage(),
        "cut": Storage(shards=3),
        "bytes": Storage(quantization="scalar", payload_on_disk=True),
        "bits": Storage(quantization="binary"),
    }
    for name, storage in storages.items():
        await QdrantServer(client, "memory", storage).create(name, 4)
    assert {name: how["shard_number"] for name, how in asked.items()} == {"plain": 1, "cut": 3, "bytes": 1, "bits": 1}
    assert {name: how["on_disk_payload"] for name, how in asked.items()} == {
        "plain": None,
        "cut": None,
        "bytes": True,
        "bits": None,
    }
    assert {name: how["vectors_config"]["dense"].on_disk for name, how in asked.items()} == {
        "plain": None,
        "cut": None,
        "bytes": True,
        "bits": True,
    }
    assert asked["plain"]["quantization_config"] is None
    assert asked["bytes"]["quantization_config"].scalar.type == models.ScalarType.INT8
    assert asked["bits"]["quantization_config"].binary.always_ram
    await QdrantServer(client, "memory", storages["bytes"]).create("words", None)
    assert asked["words"]["quantization_config"] is None


async def test_quantized_vectors_are_looked_at_again_whole(client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(client, make_build(BOOK))
    describe, ask, searched = client.get_collection, client.query_batch_points, list[models.SearchParams]()
    quantization = Storage(quantization="binary").creation(4)["quantization_config"]

    async def quantized(name: str) -> models.CollectionInfo:
        info = await describe(name)
        return info.model_copy(update={"config": info.config.model_copy(update={"quantization_config": quantization})})

    async def watching(name: str, queries: list[models.QueryRequest], **how: Any) -> object:
        searched.extend(query.params for query in queries if query.params)
        return await ask(name, queries, **how)

    monkeypatch.setattr(client, "query_batch_points", watching)
    for described in (describe, quantized):
        monkeypatch.setattr(client, "get_collection", described)
        async with open_index(client).snapshot() as snapshot:
            assert await snapshot.search([1.0, 0.0, 0.0, 0.0], limit=1)
    plain, again = searched[0], searched[-1]
    assert (plain.exact, plain.quantization) == (True, None)
    assert (again.exact, again.quantization) == (False, models.QuantizationSearchParams(rescore=True, oversampling=2.0))


async def test_a_key_that_may_only_read_is_told_before_anything_is_bought() -> None:
    async def serve(request: Received, exchange: Exchange) -> None:
        if request.method == "DELETE":
            await exchange.reply(403, {"status": {"error": "Forbidden: Global manage access is required"}})
        elif request.path == "/":
            await exchange.reply(200, {"title": "qdrant", "version": "1.18.0"})
        else:
            await exchange.reply(200, {"result": {"aliases": []}, "status": "ok", "time": 0.0})

    server = LoopbackServer(serve)
    await server.start()
    async with index_on_port(server.port) as index:
        await index.ping()
        with pytest.raises(ServiceError, match=r"refused QDRANT_API_KEY \(403\)"):
            await index.prepare()
    await server.stop()


async def test_a_strict_server_is_asked_for_no_more_than_it_gives(
    client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = models.StrictModeConfigOutput(enabled=True, max_query_limit=2, upsert_max_batchsize=1)
    describe, pages, batches = client.get_collection, list[int](), list[int]()
    scroll, upsert = client.scroll, client.upsert

    async def strict(name: str) -> models.CollectionInfo:
        info = await describe(name)
        return info.model_copy(update={"config": info.config.model_copy(update={"strict_mode_config": limits})})

    async def watched_scroll(name: str, **how: object) -> object:
        pages.append(how["limit"])  # type: ignore[arg-type]
        return await scroll(name, **how)  # type: ignore[arg-type]

    async def watched_upsert(name: str, points: list[models.PointStruct], **how: object) -> object:
        batches.append(len(points))
        return await upsert(name, points=points, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "get_collection", strict)
    monkeypatch.setattr(client, "scroll", watched_scroll)
    monkeypatch.setattr(client, "upsert", watched_upsert)
    await publish(client, make_build(BOOK))
    assert max(batches) == 1
    index = open_index(client)
    assert await index.records() == {chunk.id: chunk for chunk in BOOK}
    assert set(pages) == {2}


async def test_a_failure_before_the_swap_leaves_the_old_build_live(
    client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_build(BOOK)
    await publish(client, first)

    async def lose_the_connection(*_: object, **__: object) -> int:
        raise ServiceError("qdrant", "Gone.", transient=False)

    with monkeypatch.context() as broken:
        broken.setattr(QdrantServer, "count", lose_the_connection)
        with pytest.raises(ServiceError, match="Gone"):
            await publish(client, make_build(BOOK, hour=1))
    assert await open_index(client).live() == first
    assert await open_index(client).records() == {chunk.id: chunk for chunk in BOOK}


async def test_the_manifest_is_no_chunk(client: AsyncQdrantClient) -> None:
    await publish(client, make_build(BOOK))
    async with open_index(client).snapshot() as snapshot:
        assert await snapshot.chunks([MANIFEST_ID]) == []
        assert len(await snapshot.search([1.0, 1.0, 1.0, 1.0], limit=10)) == 3


def test_batches_stay_under_the_size_a_server_takes() -> None:
    chunks = make_chunks({"long.md": [f"{n} " + "robot " * 20_000 for n in range(200)]})
    batches = list(to_points(chunks, None, WORDS, marks={}))
    assert [(point.payload or {})["id"] for batch in batches for point in batch] == [chunk.id for chunk in chunks]
    assert max(sum(len(point.model_dump_json()) for point in batch) for batch in batches) < MAX_BATCH_BYTES
    assert len(batches) > 1


def test_wide_vectors_count_towards_the_size() -> None:
    chunks = make_chunks({"wide.md": [f"Robot {n}." for n in range(300)]})
    wide = [[-0.12345678901234567] * 3072 for _ in chunks]
    batches = list(to_points(chunks, wide, WORDS, marks={}))
    assert max(sum(len(point.model_dump_json()) for point in batch) for batch in batches) < MAX_BATCH_BYTES


# Servers that are not a Qdrant in good health


@asynccontextmanager
async def index_at(
    status: int, body: object, headers: dict[str, str] | None = None
) -> AsyncIterator[tuple[RemoteIndex, list[str]]]:
    """An index on a server that gives one and the same answer, and what it was asked."""
    asked: list[str] = []

    async def serve(request: Received, exchange: Exchange) -> None:
        asked.append(f"{request.method} {request.path}")
        await exchange.reply(status, body, headers)

    server = LoopbackServer(serve)
    await server.start()
    try:
        async with index_on_port(server.port) as index:
            yield index, asked
    finally:
        await server.stop()


@asynccontextmanager
async def index_on_port(port: int) -> AsyncIterator[RemoteIndex]:
    address = f"http://127.0.0.1:{port}"
    client = AsyncQdrantClient(url=address, timeout=60, check_compatibility=False)
    index = RemoteIndex(QdrantServer(client, address), collection="book", bm25=WORDS)
    yield index
    await index.aclose()


@pytest.mark.parametrize(
    ("status", "body", "headers", "sentence", "transient"),
    [
        (429, {"status": {"error": "slow down"}}, {"retry-after": "0"}, "asks to slow down", True),
        (429, {"status": {"error": "slow down"}}, {"retry-after": "soon"}, "asks to slow down", True),
        (429, HTML, None, "failing or overloaded (429)", True),
        (500, {"status": {"error": "secret"}}, None, "failing or overloaded (500)", True),
        (503, HTML, None, "failing or overloaded (503)", True),
        (401, {"status": {"error": "Must provide an API key"}}, None, "refused QDRANT_API_KEY (401)", False),
        (403, HTML, None, "refused QDRANT_API_KEY (403)", False),
        (400, {"status": {"error": "Wrong input: no"}}, None, "refused a request (400): Wrong input: no", False),
        (404, HTML, None, "refused a request (404): no reason given", False),
        (200, HTML, None, "something Qdrant does not say", False),
        (200, {"hello": "world"}, None, "something Qdrant does not say", False),
        (200, {"result": None, "status": "ok", "time": 0}, None, "something Qdrant does not say", False),
        (200, ["a", "list"], None, "something Qdrant does not say", False),
        (200, "", None, "something Qdrant does not say", False),
        pytest.param(200, b"[" * 100_000, None, "something Qdrant does not say", False, id="nested without end"),
    ],
)
async def test_each_bad_answer_is_one_sentence_and_only_passing_ones_are_asked_for_again(
    status: int, body: object, headers: dict[str, str] | None, sentence: str, transient: bool
) -> None:
    async with index_at(status, body, headers) as (index, asked):
        for call in (index.live, index.ping):
            asked.clear()
            with pytest.raises(ServiceError) as failed:
                await call()
            assert sentence in str(failed.value)
            assert (failed.value.service, failed.value.transient) == ("qdrant", transient)
            assert len(asked) == (2 if transient else 1)


async def test_a_server_that_leaves_queries_unanswered_is_no_qdrant() -> None:
    async with index_at(200, {"result": [], "status": "ok", "time": 0}, None) as (index, _):
        vector = [1.0, 0.0, 0.0, 0.0]
        query = index._server.nearest(vector, limit=1, only=None, exact=True)
        with pytest.raises(ServiceError, match="something Qdrant does not say"):
            await index._server.query("book", [query])


async def test_a_server_that_hangs_is_waited_for_once_and_is_back_when_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.index.remote.breaker.READER_LIMIT_S", 0.2)
    monkeypatch.setattr("shared.index.remote.breaker.FIRST_PROBE_S", 0.01)
    asked: list[str] = []
    hangs = True

    async def serve(request: Received, exchange: Exchange) -> None:
        asked.append(request.path)
        if hangs:
            await exchange.pause(30)
        if request.path == "/":
            await exchange.reply(200, {"title": "qdrant - vector search engine", "version": "1.17.0"})
        else:
            await exchange.reply(200, {"result": {"aliases": []}, "status": "ok", "time": 0})

    server = LoopbackServer(serve)
    await server.start()
    async with index_on_port(server.port) as index:
        for _ in range(3):
            with pytest.raises(ServiceError, match="did not answer within") as failed:
                await index.live()
            assert failed.value.transient
        assert asked.count("/aliases") == 1
        hangs = False
        probing = index._server._breaker._probing
        assert probing is not None
        await probing
        assert await index.live() is None
        assert asked.count("/aliases") == 2
    await server.stop()


async def test_an_address_where_nobody_listens_is_one_clear_error() -> None:
    async with index_on_port(1) as index:
        with pytest.raises(ServiceError, match=r"^Cannot reach Qdrant at http://127.0.0.1:1 \(ConnectError\)\.$") as failed:
            await index.ping()
    assert failed.value.transient


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant_server, "READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr("shared.index.remote.errors._GRACE_S", 0.05)

    async def serve(_: Received, exchange: Exchange) -> None:
        await exchange.pause(30)

    server = LoopbackServer(serve)
    await server.start()
    async with index_on_port(server.port) as index:
        with pytest.raises(ServiceError, match=r"did not answer within 0\.05 s") as failed:
            await index.live()
    assert failed.value.transient
    await server.stop()


@pytest.mark.parametrize(("version", "enough"), [("1.9.7", False), ("1.10.0", True), ("1.17.1", True), ("2.0.0-dev", True)])
async def test_a_server_that_is_too_old_is_named_with_the_version_needed(version: str, enough: bool) -> None:
    async with index_at(200, {"title": "qdrant - vector search engine", "version": version}) as (index, asked):
        with pytest.raises(
            ServiceError, match="Qdrant does not say" if enough else r"is version 1\.9\.7; 1\.10 or newer is needed"
        ):
            await index.ping()
        assert ("GET /aliases" in asked) == enough

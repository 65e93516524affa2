"""A build that differs little from the live one, on a server: what is written, what a kill leaves, what readers see."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from qdrant_client import AsyncQdrantClient, models

from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.digests import by_page
from shared.index.remote import server as qdrant_server
from shared.index.remote.generations import NextGeneration
from shared.index.remote.index import RemoteIndex
from shared.index.remote.leftovers import DEAD_AFTER
from shared.index.remote.points import MANIFEST_ID, WRITER_ID, sign_point
from shared.index.remote.server import QdrantServer
from shared.models import Chunk
from shared.retry import Patience
from tests.support.qdrant_stand_in import QdrantStandIn
from tests.support.sample_builds import make_build, make_chunks

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

WORDS = Bm25()
PAGES = {f"{n}.md": [f"Robot {n} walks.", f"Arm {n} bends its joints.", f"Leg {n} has a motor."] for n in range(30)}
BOOK = make_chunks(PAGES)
EDITED = make_chunks(PAGES | {"7.md": ["Robot 7 walks.", "Arm 7 swings.", "Leg 7 has a motor.", "Foot 7 stands."]})
QUESTIONS = ("robot", "joints bend", "swing", "motor of the leg", "foot 7", "arm 7")
KILLS, SEED = int(os.environ.get("KILLS", "12")), 14
"""Each kill publishes anew: a hundred take two minutes."""


@pytest.fixture(autouse=True)
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant_server, "IN_AN_INGEST", Patience(1, 0.001, 60.0))
    monkeypatch.setattr(qdrant_server, "IN_A_QUESTION", Patience(1, 0.001, 1.0))


@pytest.fixture
async def qdrant() -> AsyncIterator[QdrantStandIn]:
    async with QdrantStandIn() as server:
        yield server


@pytest.fixture
async def client(qdrant: QdrantStandIn) -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(url=qdrant.url, check_compatibility=False, timeout=60)
    yield client
    await client.close()


def open_index(client: AsyncQdrantClient, collection: str = "book") -> RemoteIndex:
    return RemoteIndex(QdrantServer(client, "here"), collection=collection, bm25=WORDS)


async def publish(index: RemoteIndex, chunks: Sequence[Chunk], hour: int = 0) -> None:
    await index.publish(make_build(chunks, hour=hour), chunks, [vector_of(chunk) for chunk in chunks])


async def revise(index: RemoteIndex, old: Sequence[Chunk], new: Sequence[Chunk], hour: int) -> None:
    """Make the next build of the pages that differ."""
    before, after = by_page(old), by_page(new)
    pages = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    changed = [chunk for chunk in new if chunk.path in pages]
    dense = [vector_of(chunk) for chunk in changed]
    base = await index.live()
    assert base is not None
    await index.revise(make_build(new, hour=hour), changed, dense, base=base, pages=pages)


def vector_of(chunk: Chunk) -> list[float]:
    """Another direction for every text."""
    return [1.0 + int(chunk.content_hash[8 * axis : 8 * axis + 8], 16) / 2**32 for axis in range(4)]


async def answers(index: RemoteIndex) -> list[list[tuple[str, float]]]:
    """What is found by words, and by meaning, with scores."""
    async with index.snapshot() as snapshot:
        found = [await snapshot.search(WORDS.query(question), limit=20) for question in QUESTIONS]
        found += [await snapshot.search([1.0, 0.5, 0.2, 0.1], limit=100)]
    return [[(hit.chunk.id, round(hit.score, 6)) for hit in hits] for hits in found]


async def points_in(client: AsyncQdrantClient) -> int:
    collections = (await client.get_collections()).collections
    return sum([(await client.count(collection.name)).count for collection in collections])


async def test_an_edit_of_one_page_writes_what_changed(qdrant: QdrantStandIn, client: AsyncQdrantClient) -> None:
    index = open_index(client)
    await publish(index, BOOK)
    qdrant.points_written = 0
    await revise(index, BOOK, EDITED, hour=1)
    assert await index.records() == {chunk.id: chunk for chunk in EDITED}
    # Two chunks came, one went, the page's first says so; the writer's sign and the manifest. (Signs every 20 s may come.)
    assert qdrant.points_written <= 3 + 2 + 2 + 2
    assert len((await client.get_collections()).collections) == 1


async def test_once_superseded_chunks_are_swept_results_and_scores_are_those_of_a_fresh_build(
    client: AsyncQdrantClient,
) -> None:
    index, fresh = open_index(client), open_index(client, "fresh")
    await publish(fresh, EDITED)
    expected = await answers(fresh)
    await publish(index, BOOK)
    await revise(index, BOOK, EDITED, hour=1)
    during = await answers(index)
    assert [[chunk_id for chunk_id, _ in found] for found in during[-1:]] == [[chunk_id for chunk_id, _ in expected[-1]]]
    for hour in (2, 3):  # nothing differs: only what the generation before the last had is swept
        await revise(index, EDITED, EDITED, hour=hour)
    assert await answers(index) == expected


async def test_to_go_back_one_field_of_one_point_is_written(client: AsyncQdrantClient) -> None:
    index = open_index(client)
    await publish(index, BOOK)
    await revise(index, BOOK, EDITED, hour=1)
    name = f"book-{make_build(BOOK).id}"
    await client.set_payload(name, {"live": 1}, points=[MANIFEST_ID])
    again = open_index(client)
    assert await again.live() == make_build(BOOK)
    assert await again.records() == {chunk.id: chunk for chunk in BOOK}
    await again.ping()
    await revise(again, BOOK, EDITED, hour=2)
    assert await again.records() == {chunk.id: chunk for chunk in EDITED}


async def test_a_kill_at_any_request_leaves_the_old_generation_and_the_next_ingest_succeeds(
    qdrant: QdrantStandIn, client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who writes is gone after some of its requests, with nothing tidied up; the last may or may not have arrived."""
    monkeypatch.setattr("shared.index.remote.generations._has_ended", lambda _: True)
    chance, index, hour = random.Random(SEED), open_index(client), 1
    await publish(index, BOOK)
    old, new = BOOK, EDITED
    for _ in range(KILLS):
        before = await index.live()
        await killed_after(chance.randrange(1, 24), client, old, new, hour, arrives=chance.random() < 0.5)
        hour += 1
        reader = open_index(client)
        live = await reader.live()
        assert live is not None
        now = old if live == before else new
        assert live in (before, make_build(new, hour=hour - 1))
        assert await reader.records() == {chunk.id: chunk for chunk in now}
        assert {chunk_id for chunk_id, _ in (await answers(reader))[-1]} == {chunk.id for chunk in now}
        await reader.ping()
        other = BOOK if now is EDITED else EDITED
        await revise(open_index(client), now, other, hour=hour)
        hour += 1
        assert await open_index(client).records() == {chunk.id: chunk for chunk in other}
        old, new = other, BOOK if other is EDITED else EDITED
    await revise(open_index(client), old, old, hour=hour)
    await revise(open_index(client), old, old, hour=hour + 1)
    assert await points_in(client) == len(old) + 1


async def killed_after(
    requests: int, client: AsyncQdrantClient, old: Sequence[Chunk], new: Sequence[Chunk], hour: int, *, arrives: bool
) -> None:
    class KilledServer(QdrantServer):
        left = requests

        async def _writing(self, call):  # type: ignore[no-untyped-def]
            return await self._count(super()._writing, call)

        async def _reading(self, call):  # type: ignore[no-untyped-def]
            return await self._count(super()._reading, call)

        async def _count(self, ask, call):  # type: ignore[no-untyped-def]
            type(self).left -= 1
            if self.left == 0 and arrives:
                await ask(call)
            if self.left <= 0:
                raise ServiceError("qdrant", "Killed.", transient=False)
            return await ask(call)

    index = RemoteIndex(KilledServer(client, "here"), collection="book", bm25=WORDS)
    try:
        await revise(index, old, new, hour)
    except ServiceError:
        return


async def test_whoever_finds_a_fresh_sign_of_another_stays_away(client: AsyncQdrantClient) -> None:
    index = open_index(client)
    await publish(index, BOOK)
    name, server = f"book-{make_build(BOOK).id}", QdrantServer(client, "here")
    await server.upsert(name, [sign_point(datetime.now(UTC), "elsewhere/1/a", point_id=WRITER_ID)])
    with pytest.raises(ServiceError, match="Another ingest is writing") as busy:
        await revise(index, BOOK, EDITED, hour=1)
    assert (busy.value.transient, busy.value.code) == (True, "busy")
    assert await index.live() == make_build(BOOK)
    dead = datetime.now(UTC) - DEAD_AFTER - timedelta(seconds=1)
    await server.upsert(name, [sign_point(dead, "elsewhere/1/a", point_id=WRITER_ID)])
    await revise(index, BOOK, EDITED, hour=1)
    assert await index.live() == make_build(EDITED, hour=1)


async def test_of_two_who_write_at_once_one_wins_and_the_other_says_so(client: AsyncQdrantClient) -> None:
    await publish(open_index(client), BOOK)
    other = make_chunks(PAGES | {"9.md": ["Robot 9 stands."]})
    both = [revise(open_index(client), BOOK, new, hour) for new, hour in ((EDITED, 1), (other, 2))]
    ends = await asyncio.gather(*both, return_exceptions=True)
    assert {type(end) for end in ends} <= {ServiceError, type(None)}
    live, records = await open_index(client).live(), await open_index(client).records()
    expected = {make_build(BOOK).id: BOOK, make_build(EDITED, hour=1).id: EDITED, make_build(other, hour=2).id: other}
    assert live is not None
    assert records == {chunk.id: chunk for chunk in expected[live.id]}


async def test_who_was_taken_for_dead_does_not_make_live_what_it_wrote(
    client: AsyncQdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index(client)
    await publish(index, BOOK)
    check = NextGeneration._check

    async def stand_still(self: NextGeneration, build: object) -> None:
        monkeypatch.setattr(NextGeneration, "_check", check)
        sign = sign_point(datetime.now(UTC), "another", point_id=WRITER_ID)
        await self._server.upsert(self._name, [sign])

    monkeypatch.setattr(NextGeneration, "_check", stand_still)
    with pytest.raises(ServiceError, match="Another ingest is writing"):
        await revise(index, BOOK, EDITED, hour=1)
    assert await open_index(client).live() == make_build(BOOK)


async def test_a_build_from_before_a_revision_can_be_published_again(client: AsyncQdrantClient) -> None:
    index = open_index(client)
    await publish(index, BOOK)
    await revise(index, BOOK, EDITED, hour=1)
    await publish(index, BOOK)
    assert await open_index(client).live() == make_build(BOOK)
    assert await open_index(client).records() == {chunk.id: chunk for chunk in BOOK}


async def test_after_a_revision_the_collection_before_it_goes(client: AsyncQdrantClient) -> None:
    index = open_index(client)
    await publish(index, BOOK[:30])
    await publish(index, BOOK, hour=1)
    assert len((await client.get_collections()).collections) == 2
    await revise(index, BOOK, EDITED, hour=2)
    names = [collection.name for collection in (await client.get_collections()).collections]
    assert names == [f"book-{make_build(BOOK, hour=1).id}"]


async def test_a_filter_without_an_index_is_refused_by_the_stand_in_as_by_a_strict_server(client: AsyncQdrantClient) -> None:
    await publish(open_index(client), BOOK)
    among = models.Filter(must=[models.FieldCondition(key="title", match=models.MatchValue(value="a"))])
    with pytest.raises(Exception, match="Index required but not found"):
        await client.count(f"book-{make_build(BOOK).id}", count_filter=among)

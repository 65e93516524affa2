"""What every index does, whichever store is behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient

from shared.errors import NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.digests import by_page, page_digest
from shared.index.embedded.index import EmbeddedIndex
from shared.index.port import Filter, Index, LivePage
from shared.index.remote.index import RemoteIndex
from shared.index.remote.server import QdrantServer
from shared.models import Build, Chunk
from tests.support.live_server import until
from tests.support.qdrant_stand_in import QdrantStandIn
from tests.support.sample_builds import DIMENSIONS, make_build, make_chunks, make_vectors

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

WORDS = Bm25()
KEY = "reads-and-writes"
BOOK = make_chunks(
    {
        "arm/joints.md": ["Joints bend the arm.", "Kinematics computes where the hand is."],
        "arm/hand/grip.md": ["A gripper closes on the part."],
        "walk.md": ["Walking robots balance on one leg.", "Balance needs a gyroscope.", "A gyroscope drifts."],
    }
)


class RevisingEmbedded(EmbeddedIndex):
    """Writes each build as what is different from the live one, where there is one of the same kind."""

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        await _revise_or_publish(self, super().publish, build, chunks, dense)


class RevisingRemote(RemoteIndex):
    """The same on a server."""

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: Sequence[Sequence[float]] | None) -> None:
        await _revise_or_publish(self, super().publish, build, chunks, dense)


async def _revise_or_publish(
    index: Index,
    publish: Callable[[Build, Sequence[Chunk], Sequence[Sequence[float]] | None], Awaitable[None]],
    build: Build,
    chunks: Sequence[Chunk],
    dense: Sequence[Sequence[float]] | None,
) -> None:
    base = await index.live()
    if base is None or base.dimensions != build.dimensions:
        await publish(build, chunks, dense)
        return
    pages = {chunk.path for chunk in (*(await index.records()).values(), *chunks)}
    await index.revise(build, chunks, dense, base=base, pages=pages)


@pytest.fixture(params=["embedded", "embedded revised", "memory", "http", "memory revised", "http revised", "server"])
async def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], Index]]:
    """Opens one and the same store, as often as called."""
    kind, _, revised = request.param.partition(" ")
    embedded, remote = (RevisingEmbedded, RevisingRemote) if revised else (EmbeddedIndex, RemoteIndex)
    async with contextlib.AsyncExitStack() as stack:
        if kind == "embedded":
            open_store: Callable[[], Index] = lambda: embedded(tmp_path / "index", WORDS)  # noqa: E731
        else:
            if kind == "http":
                client, address = _connect((await stack.enter_async_context(QdrantStandIn(key=KEY))).url)
            else:
                client, address = _connect(_address(kind))
            stack.push_async_callback(client.close)
            collection = f"contract-{secrets.token_hex(4)}"
            stack.push_async_callback(_drop, client, collection)
            open_store = lambda: remote(QdrantServer(client, address), collection=collection, bm25=WORDS)  # noqa: E731
        yield open_store


@pytest.fixture
async def index(open_again: Callable[[], Index]) -> AsyncIterator[Index]:
    index = open_again()
    yield index
    if isinstance(index, EmbeddedIndex):
        await index.aclose()


def _address(kind: str) -> str:
    address = ":memory:" if kind == "memory" else os.environ.get("QDRANT_TEST_URL")
    return address or pytest.skip("QDRANT_TEST_URL names no Qdrant server")


def _connect(address: str) -> tuple[AsyncQdrantClient, str]:
    if address == ":memory:":
        return AsyncQdrantClient(address), "memory"
    key = os.environ.get("QDRANT_TEST_KEY", KEY)
    return AsyncQdrantClient(url=address, headers={"api-key": key}, check_compatibility=False, timeout=60), address


async def _drop(client: AsyncQdrantClient, collection: str) -> None:
    for found in (await client.get_collections()).collections:
        if found.name.startswith(f"{collection}-"):
            await client.delete_collection(found.name)


async def _publish(index: Index, chunks: Sequence[Chunk], *, hour: int = 0, dense: bool = True) -> str:
    build = make_build(chunks, hour=hour, dimensions=DIMENSIONS if dense else None)
    await index.publish(build, chunks, make_vectors(chunks) if dense else None)
    return build.id


async def test_before_the_first_build_there_is_nothing_to_hold(index: Index) -> None:
    assert await index.live() is None
    assert await index.records() == {}
    assert await index.vectors([BOOK[0].content_hash]) == {}
    with pytest.raises(NotBuiltError):
        async with index.snapshot():
            pass
    await index.ping()


async def test_what_is_published_is_live_for_everyone_who_opens_the_store(
    index: Index, open_again: Callable[[], Index]
) -> None:
    build_id = await _publish(index, BOOK)
    other = open_again()
    live = await other.live()
    assert live == make_build(BOOK)
    assert live.id == build_id
    assert await other.records() == {chunk.id: chunk for chunk in BOOK}


async def test_words_find_the_chunks_that_hold_them_rarer_words_first(index: Index) -> None:
    await _publish(index, BOOK)
    async with index.snapshot() as snapshot:
        hits = await snapshot.search(WORDS.query("the gyroscope drifting"), limit=10)
    assert [hit.chunk.content for hit in hits] == ["A gyroscope drifts.", "Balance needs a gyroscope."]
    assert hits[0].score > hits[1].score > 0


async def test_a_vector_finds_the_nearest_chunks_by_cosine(index: Index) -> None:
    await _publish(index, BOOK)
    async with index.snapshot() as snapshot:
        hits = await snapshot.search([0.0, 0.0, 3.0, 4.0], limit=2)
    assert [hit.chunk.id for hit in hits] == [BOOK[3].id, BOOK[2].id]
    assert [hit.score for hit in hits] == pytest.approx([0.8, 0.6])


async def test_equal_scores_are_ordered_by_id_at_every_limit(index: Index) -> None:
    same = make_chunks({f"{n}.md": ["All pages say robot."] for n in range(30)})
    await _publish(index, same)
    by_id = sorted(same, key=lambda chunk: chunk.id)
    async with index.snapshot() as snapshot:
        for limit in (1, 7, 29, 30, 50):
            hits = await snapshot.search(WORDS.query("robot"), limit=limit)
            assert [hit.chunk.id for hit in hits] == [chunk.id for chunk in by_id[:limit]]


async def test_a_filter_keeps_the_search_within_files_and_folders(index: Index) -> None:
    await _publish(index, BOOK)

    async def found(where: Filter) -> set[str]:
        async with index.snapshot() as snapshot:
            dense = await snapshot.search([1.0, 1.0, 1.0, 1.0], limit=10, where=where)
            words = await snapshot.search(WORDS.query("balance gripper hand arm joints"), limit=10, where=where)
            assert {hit.chunk.path for hit in words} <= {hit.chunk.path for hit in dense}
            return {hit.chunk.path for hit in dense}

    assert await found(Filter()) == {"arm/joints.md", "arm/hand/grip.md", "walk.md"}
    assert await found(Filter(folders=("arm",))) == {"arm/joints.md", "arm/hand/grip.md"}
    assert await found(Filter(folders=("arm/hand",))) == {"arm/hand/grip.md"}
    assert await found(Filter(folders=("ar",))) == set()
    assert await found(Filter(paths=("walk.md", "arm/joints.md"))) == {"arm/joints.md", "walk.md"}
    assert await found(Filter(paths=("walk.md",), folders=("arm",))) == set()


async def test_a_query_without_terms_or_without_room_finds_nothing(index: Index) -> None:
    await _publish(index, BOOK)
    async with index.snapshot() as snapshot:
        assert await snapshot.search(WORDS.query("the of and"), limit=5) == []
        assert await snapshot.search(WORDS.query("zebra"), limit=5) == []
        assert await snapshot.search(WORDS.query("gyroscope"), limit=0) == []


async def test_a_lexical_build_answers_words_and_has_no_vectors(index: Index) -> None:
    await _publish(index, BOOK, dense=False)
    async with index.snapshot() as snapshot:
        assert [hit.chunk.id for hit in await snapshot.search(WORDS.query("gripper"), limit=5)] == [BOOK[2].id]
        assert await snapshot.search([1.0, 0.0, 0.0, 0.0], limit=5) == []
    assert await index.vectors([chunk.content_hash for chunk in BOOK]) == {}


async def test_chunks_come_in_the_order_asked_for_and_unknown_ids_are_left_out(index: Index) -> None:
    await _publish(index, BOOK)
    missing = make_chunks({"other.md": ["Not in the book."]})[0]
    async with index.snapshot() as snapshot:
        assert await snapshot.chunks([BOOK[4].id, missing.id, "no uuid", BOOK[0].id]) == [BOOK[4], BOOK[0]]
        assert await snapshot.chunks([]) == []


async def test_a_page_is_read_in_order_whole_or_in_part(index: Index) -> None:
    await _publish(index, BOOK)
    async with index.snapshot() as snapshot:
        assert await snapshot.page("walk.md") == BOOK[3:]
        assert await snapshot.page("walk.md", first=1) == BOOK[4:]
        assert await snapshot.page("walk.md", first=0, last=1) == BOOK[3:5]
        assert await snapshot.page("nowhere.md") == []


async def test_documents_are_the_files_sorted(index: Index) -> None:
    await _publish(index, BOOK)
    async with index.snapshot() as snapshot:
        assert await snapshot.documents() == ["arm/hand/grip.md", "arm/joints.md", "walk.md"]


async def test_a_page_is_known_by_its_digest_and_by_how_many_chunks_it_has(index: Index) -> None:
    assert await index.pages() == {}
    await _publish(index, BOOK)
    pages = await index.pages()
    assert pages == {path: LivePage(page_digest(page), len(page)) for path, page in by_page(BOOK).items()}
    edited = [*BOOK[:3], *make_chunks({"walk.md": ["Walking robots balance on one leg.", "Legs swing."]})]
    await _publish(index, edited, hour=1)
    after = await index.pages()
    assert (after["walk.md"].chunks, after["arm/joints.md"]) == (2, pages["arm/joints.md"])
    assert after["walk.md"].digest != pages["walk.md"].digest


async def test_only_the_pages_that_are_revised_change(index: Index) -> None:
    await _publish(index, BOOK)
    base, walk = make_build(BOOK), make_chunks({"walk.md": ["Balance needs a gyroscope.", "Legs swing."]})
    after = [*BOOK[:2], *walk]
    await index.revise(make_build(after, hour=1), walk, make_vectors(walk), base=base, pages={"walk.md", "arm/hand/grip.md"})
    assert await index.records() == {chunk.id: chunk for chunk in after}
    async with index.snapshot() as snapshot:
        assert await snapshot.documents() == ["arm/joints.md", "walk.md"]
        assert await snapshot.page("walk.md") == walk
        assert [hit.chunk.id for hit in await snapshot.search(WORDS.query("swinging"), limit=5)] == [walk[1].id]
        assert await snapshot.search(WORDS.query("gripper"), limit=5) == []
        assert await snapshot.chunks([BOOK[2].id, walk[0].id, BOOK[0].id]) == [walk[0], BOOK[0]]
    found = await index.vectors([BOOK[1].content_hash, walk[1].content_hash, BOOK[2].content_hash])
    assert found == {BOOK[1].content_hash: [0.0, 1.0, 0.0, 0.0], walk[1].content_hash: [0.0, 1.0, 0.0, 0.0]}
    await index.ping()


async def test_a_build_is_revised_only_while_it_is_live(index: Index) -> None:
    await _publish(index, BOOK)
    await _publish(index, BOOK[:4], hour=1)
    with pytest.raises(ServiceError, match="Another build"):
        await index.revise(make_build(BOOK[:5], hour=2), BOOK[3:5], None, base=make_build(BOOK), pages={"walk.md"})
    assert await index.records() == {chunk.id: chunk for chunk in BOOK[:4]}


async def test_a_revision_that_lost_chunks_never_becomes_live(index: Index) -> None:
    await _publish(index, BOOK)
    with pytest.raises(ServiceError):
        await index.revise(
            make_build(BOOK, hour=1), BOOK[3:5], make_vectors(BOOK[3:5]), base=make_build(BOOK), pages={"walk.md"}
        )
    assert await index.live() == make_build(BOOK)
    assert await index.records() == {chunk.id: chunk for chunk in BOOK}
    await _publish(index, BOOK[:5], hour=2)
    assert await index.records() == {chunk.id: chunk for chunk in BOOK[:5]}


async def test_vectors_come_back_by_content_hash(index: Index) -> None:
    await _publish(index, BOOK)
    found = await index.vectors([BOOK[1].content_hash, BOOK[3].content_hash, "0" * 64])
    assert found == {BOOK[1].content_hash: [0.0, 1.0, 0.0, 0.0], BOOK[3].content_hash: [0.0, 0.0, 0.0, 1.0]}
    assert await index.vectors([]) == {}


async def test_a_snapshot_stays_on_its_build_while_newer_ones_are_published(index: Index) -> None:
    first = await _publish(index, BOOK)
    async with index.snapshot() as old:
        second = await _publish(index, BOOK[:3], hour=1)
        async with index.snapshot() as new:
            assert (old.build.id, new.build.id) == (first, second)
            assert await old.documents() == ["arm/hand/grip.md", "arm/joints.md", "walk.md"]
            assert await new.documents() == ["arm/hand/grip.md", "arm/joints.md"]
            assert await new.search(WORDS.query("gyroscope"), limit=5) == []
            assert len(await old.search(WORDS.query("gyroscope"), limit=5)) == 2


def _all_asked_or_failed(asked: Sequence[int], enough: Sequence[int], readers: Sequence[asyncio.Task[None]]) -> bool:
    return all(map(int.__ge__, asked, enough)) or any(reader.done() for reader in readers)


async def test_searches_during_many_publishes_come_from_one_build_or_another_never_a_mix(
    index: Index, open_again: Callable[[], Index]
) -> None:
    """Build n holds only chunks that say so; a mix would show two numbers in one question."""
    books = [make_chunks({f"{page}.md": [f"Robot of build {n} on page {page}."] for page in range(20)}) for n in range(4)]
    await _publish(index, books[0])
    done, asked = asyncio.Event(), [0, 0]

    async def ask(n: int) -> None:
        reader = open_again()
        while not done.is_set():
            await reader.live()  # four ingests within a second: a build remembered from before would be gone already
            async with reader.snapshot() as snapshot:
                words = await snapshot.search(WORDS.query("robot page"), limit=20)
                dense = await snapshot.search([1.0, 1.0, 1.0, 1.0], limit=20)
                page = await snapshot.page("7.md")
            assert len({hit.chunk.content.split()[3] for hit in [*words, *dense]} | {page[0].text.split()[3]}) == 1
            assert (len(words), len(dense)) == (20, 20)
            asked[n] += 1
            await asyncio.sleep(0)
        if isinstance(reader, EmbeddedIndex):
            await reader.aclose()

    readers = [asyncio.create_task(ask(n)) for n in range(2)]
    for hour, book in enumerate(books[1:], start=1):
        await _publish(index, book, hour=hour)
        enough = [
            n + 1 for n in asked
        ]  # a reader in the middle of a question may keep its build over one publish, not over two
        await until(partial(_all_asked_or_failed, asked, enough, readers))
    done.set()
    await asyncio.gather(*readers)
    assert min(asked) >= 3


async def test_the_build_before_the_live_one_is_kept_and_older_ones_are_gone(
    index: Index, open_again: Callable[[], Index], tmp_path: Path
) -> None:
    ids = [await _publish(index, BOOK, hour=hour) for hour in range(4)]
    if isinstance(index, EmbeddedIndex):
        kept = {path.name for path in (tmp_path / "index" / "builds").iterdir()}
    else:
        assert isinstance(index, RemoteIndex)
        names = [name for name in await index._server.collections() if name.startswith(index._collection)]
        kept = {build.id for name in names for build in (await index._manifest(name)).builds.values()}
    assert kept == set(ids[2:])


async def test_a_build_whose_chunks_share_an_id_never_becomes_live(index: Index) -> None:
    await _publish(index, BOOK)
    with pytest.raises(ServiceError):
        await _publish(index, [*BOOK, BOOK[0]], hour=1)
    live = await index.live()
    assert live is not None
    assert live.id == make_build(BOOK).id


async def test_publishing_the_live_build_again_changes_nothing(index: Index) -> None:
    await _publish(index, BOOK)
    await _publish(index, BOOK)
    assert await index.records() == {chunk.id: chunk for chunk in BOOK}
    assert await index.live() == make_build(BOOK)


async def test_a_publish_that_failed_can_be_tried_again_under_the_same_id(index: Index) -> None:
    with pytest.raises(ServiceError):
        await _publish(index, [*BOOK, BOOK[0]])
    await _publish(index, BOOK[:2])
    assert await index.records() == {chunk.id: chunk for chunk in BOOK[:2]}


async def test_an_empty_book_can_be_published(index: Index) -> None:
    await _publish(index, [])
    async with index.snapshot() as snapshot:
        assert await snapshot.documents() == []
        assert await snapshot.search(WORDS.query("robot"), limit=3) == []


async def test_what_is_found_is_the_chunk_but_for_its_source_perhaps(index: Index) -> None:
    await _publish(index, BOOK)
    async with index.snapshot() as snapshot:
        (hit,) = await snapshot.search(WORDS.query("gripper"), limit=1)
        (shown,) = await snapshot.page(hit.chunk.path)
    assert hit.chunk.model_copy(update={"text": shown.text}) == shown == BOOK[2]

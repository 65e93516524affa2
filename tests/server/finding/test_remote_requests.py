"""What a search asks of a Qdrant server."""

from __future__ import annotations

import pytest
from qdrant_client import AsyncQdrantClient

from shared.index.remote.index import RemoteIndex
from shared.index.remote.server import QdrantServer
from shared.index.remote.snapshot import ChunkMemory
from tests.support.qdrant_stand_in import QdrantStandIn
from tests.support.sample_builds import make_build
from tests.support.small_book import WORDS, Concepts, find_in, read

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

BOOK = read(
    {
        f"{name}.md": f"# {name.title()}\n\nThe {name} moves the robot.\n\n## Parts\n\nIt has gears."
        for name in ("arm", "leg", "hand")
    }
)


async def test_a_search_is_three_requests_once_its_words_are_known_and_fewer_once_its_chunks_are() -> None:
    model = Concepts(["leg"], ["arm"])
    async with QdrantStandIn() as qdrant:
        client = AsyncQdrantClient(url=qdrant.url, check_compatibility=False)
        index = RemoteIndex(QdrantServer(client, qdrant.url), collection="book", bm25=WORDS)
        vectors = await model.embed_documents([chunk.content for chunk in BOOK])
        await index.publish(make_build(BOOK, dimensions=model.dimensions), BOOK, vectors)  # type: ignore[arg-type]
        finder = find_in(index, model)  # type: ignore[arg-type]
        before = len(qdrant.asked)
        first = await finder.search("What moves the leg?", k=3)
        cold = [path.rpartition("/")[2] for path in qdrant.asked[before:]]
        index._memory = ChunkMemory()
        asked: list[list[str]] = []
        for _ in range(2):
            before = len(qdrant.asked)
            assert await finder.search("What moves the leg?", k=3) == first
            asked.append([path.rpartition("/")[2] for path in qdrant.asked[before:]])
        await index.aclose()
    assert asked == [["batch", "points", "scroll"], ["batch", "scroll"]]
    found = [one for one in cold if one in {"batch", "points"}]
    assert found.count("batch") == 1  # its words are looked up, and how they are spelled, with what it is searched for
    assert cold[-1] == "scroll"


async def test_results_read_with_their_source_show_it_whole() -> None:
    async with QdrantStandIn() as qdrant:
        client = AsyncQdrantClient(url=qdrant.url, check_compatibility=False)
        index = RemoteIndex(QdrantServer(client, qdrant.url), collection="book", bm25=WORDS)
        await index.publish(make_build(BOOK, dimensions=None), BOOK, None)  # type: ignore[arg-type]
        found = await find_in(index).search("What moves the leg?", k=3)  # type: ignore[arg-type]
        await index.aclose()
    assert found.hits[0].chunk.text.startswith("# Leg\n\nThe leg moves the robot.")
    assert all(hit.chunk.text for hit in found.hits)

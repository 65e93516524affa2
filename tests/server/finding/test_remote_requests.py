"""What a search asks of a Qdrant server."""

from __future__ import annotations

import pytest
from qdrant_client import AsyncQdrantClient

from shared.index.remote.index import RemoteIndex
from shared.index.remote.server import QdrantServer
from tests.support.qdrant_stand_in import QdrantStandIn
from tests.support.sample_builds import make_build
from tests.support.small_book import WORDS, find_in, read

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

BOOK = read(
    {
        f"{name}.md": f"# {name.title()}\n\nThe {name} moves the robot.\n\n## Parts\n\nIt has gears."
        for name in ("arm", "leg", "hand")
    }
)


async def test_results_read_with_their_source_show_it_whole() -> None:
    async with QdrantStandIn() as qdrant:
        client = AsyncQdrantClient(url=qdrant.url, check_compatibility=False)
        index = RemoteIndex(QdrantServer(client, qdrant.url), collection="book", bm25=WORDS)
        await index.publish(make_build(BOOK, dimensions=None), BOOK, None)  # type: ignore[arg-type]
        found = await find_in(index).search("What moves the leg?", k=3)  # type: ignore[arg-type]
        await index.aclose()
    assert found.hits[0].chunk.text.startswith("# Leg\n\nThe leg moves the robot.")
    assert all(hit.chunk.text for hit in found.hits)

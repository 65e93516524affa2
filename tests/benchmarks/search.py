"""`python -m tests.benchmarks.search`: what one search costs, on a synthetic index.

Embedded: processor and wall time of a search, alone and with sixteen readers. Remote: requests and bytes of a search, counted
at a stand-in for a Qdrant server, with a small book, for the stand-in scans every point.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from statistics import median, quantiles
from uuid import UUID

from qdrant_client import AsyncQdrantClient

from server.finding.retriever import Retriever
from shared import content
from shared.index.embedded.index import EmbeddedIndex
from shared.index.remote.index import RemoteIndex
from shared.index.remote.server import QdrantServer
from shared.models import Chunk, ChunkBlock, Section
from tests.support.qdrant_stand_in import QdrantStandIn
from tests.support.sample_builds import make_build
from tests.support.small_book import WORDS, find_in

DIMENSIONS = 384
READERS = 16
CHUNKS_OF_A_PAGE = 20
WORDS_OF_A_CHUNK = 160
SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "ki",
    "lo",
    "mu",
    "ne",
    "pra",
    "que",
    "ri",
    "sto",
    "tur",
    "va",
    "wen",
    "xi",
    "yol",
)
VOCABULARY = [f"{one}{two}{three}" for one in SYLLABLES for two in SYLLABLES for three in SYLLABLES]
RARITY = list(accumulate(1 / (rank + 5) for rank in range(len(VOCABULARY))))
"""Words of a book: the second is half as frequent as the first (Zipf)."""


class Meaning:
    """Embeds any text as a point on the unit sphere, the same for the same text."""

    name = "hand-made"  # as `make_build` says
    dimensions = DIMENSIONS

    async def embed_query(self, text: str) -> list[float]:
        return _vector(text)

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...


def synthetic_chunks(number: int) -> list[Chunk]:
    """Chunks of two sections and 160 words each, twenty to a page."""
    random = Random(7)
    return [_chunk(random, place // CHUNKS_OF_A_PAGE, place % CHUNKS_OF_A_PAGE) for place in range(number)]


def questions(number: int) -> list[str]:
    """Questions of three to six words of the book."""
    random = Random(11)
    return [f"How does {' '.join(_words(random, random.randint(3, 6)))}?" for _ in range(number)]


async def measure_embedded(chunks: Sequence[Chunk], asked: Sequence[str], *, meaning: bool) -> None:
    """One after the other, then sixteen readers at once; every question once before, so that what is learnt is learnt."""
    model = Meaning() if meaning else None
    with tempfile.TemporaryDirectory() as folder:
        index = EmbeddedIndex(Path(folder), WORDS)
        dense = await model.embed_documents([chunk.content for chunk in chunks]) if model else None
        await index.publish(make_build(chunks, dimensions=DIMENSIONS if model else None), chunks, dense)
        find = find_in(index, model)
        first, _ = await _timed(find, asked)
        alone, cpu = await _timed(find, asked)
        start = time.perf_counter()
        await asyncio.gather(*(_timed(find, asked[reader::READERS]) for reader in range(READERS)))
        rate = len(asked) / (time.perf_counter() - start)
        await find.aclose()
        await index.aclose()
    _say(
        f"  {'words and meaning' if meaning else 'words'}: {1000 * cpu:.1f} ms CPU, p50 {1000 * median(alone):.1f} ms,"
        f" p90 {1000 * quantiles(alone, n=10)[-1]:.1f} ms (first time {1000 * median(first):.1f} ms);"
        f" {READERS} readers: {rate:.0f} searches a second"
    )


async def measure_remote(chunks: Sequence[Chunk], asked: Sequence[str], *, meaning: bool) -> None:
    """Requests and bytes of each question: bytes of the answers, headers aside."""
    model = Meaning() if meaning else None
    async with QdrantStandIn() as qdrant:
        client = AsyncQdrantClient(url=qdrant.url, check_compatibility=False)
        index = RemoteIndex(QdrantServer(client, qdrant.url), collection="book", bm25=WORDS)
        dense = await model.embed_documents([chunk.content for chunk in chunks]) if model else None
        await index.publish(make_build(chunks, dimensions=DIMENSIONS if model else None), chunks, dense)
        find = find_in(index, model)
        await _timed(find, asked)
        requests: list[int] = []
        sizes: list[int] = []
        for question in asked:
            before, sent = len(qdrant.asked), qdrant.bytes_sent
            await find.search(question, k=10)
            requests.append(len(qdrant.asked) - before)
            sizes.append(qdrant.bytes_sent - sent)
        await find.aclose()
        await index.aclose()
    _say(
        f"  {'words and meaning' if meaning else 'words'}: {median(requests):.0f} requests (most {max(requests)}),"
        f" {median(sizes) / 1000:.0f} kB answered (most {max(sizes) / 1000:.0f})"
    )


async def _timed(find: Retriever, asked: Sequence[str]) -> tuple[list[float], float]:
    """Wall seconds of each search, and mean processor seconds."""
    taken: list[float] = []
    cpu = time.process_time()
    for question in asked:
        start = time.perf_counter()
        await find.search(question, k=10)
        taken.append(time.perf_counter() - start)
    return taken, (time.process_time() - cpu) / len(asked)


def _words(random: Random, number: int) -> list[str]:
    return random.choices(VOCABULARY, cum_weights=RARITY, k=number)


def _chunk(random: Random, page: int, position: int) -> Chunk:
    path, title = f"part-{page % 12}/page-{page}.md", f"Page {page}"
    names = [" ".join(_words(random, 3)).capitalize() for _ in range(2)]
    bodies = [" ".join(_words(random, WORDS_OF_A_CHUNK // 2)).capitalize() + "." for _ in range(2)]
    head = content.head((title, names[0])) + content.BLANK_LINE
    text = head + f"{bodies[0]}\n\n## {names[1]}\n\n{bodies[1]}"
    parts = [(len(head), len(head) + len(bodies[0])), (len(text) - len(bodies[1]), len(text))]
    start = position * 4000
    sections = tuple(
        Section(
            start=start + (first if number else 0),
            heading_path=(name,),
            anchor=f"{position}-{number}",
            url=f"/{path}#{position}-{number}",
            blocks=(ChunkBlock("paragraph", start + first, start + last, first, last),),
        )
        for number, (name, (first, last)) in enumerate(zip(names, parts, strict=True))
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Chunk(
        id=str(UUID(hex=hashlib.md5(f"{path} {position}".encode(), usedforsecurity=False).hexdigest())),
        path=path,
        title=title,
        position=position,
        start=start,
        end=start + len(text),
        start_line=1,
        end_line=5,
        heading_path=sections[0].heading_path,
        anchor=sections[0].anchor,
        url=sections[0].url,
        sections=sections,
        tokens=len(text) // 4,
        text=text,
        content=text,
        body_start=len(head),
        content_hash=digest,
    )


def _vector(text: str) -> list[float]:
    random = Random(text)
    values = [random.gauss(0.0, 1.0) for _ in range(DIMENSIONS)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    """Measure a large, a small and a remote index."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search", description="The cost of a search.")
    parser.add_argument("--chunks", type=int, default=50_000, help="of the large index")
    parser.add_argument("--searches", type=int, default=200)
    options = parser.parse_args(arguments)
    asked = questions(options.searches)
    for number in (1000, options.chunks):
        chunks = synthetic_chunks(number)
        _say(f"embedded, {number:,} chunks, {len(asked)} searches")
        for meaning in (False, True):
            asyncio.run(measure_embedded(chunks, asked, meaning=meaning))
    _say("remote, 1,000 chunks")
    for meaning in (False, True):
        asyncio.run(measure_remote(synthetic_chunks(1000), asked[:20], meaning=meaning))


if __name__ == "__main__":
    main(sys.argv[1:])

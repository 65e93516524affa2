"""How long a selected text takes to be found in a book of 5,000 chunks: `python -m tests.benchmarks.selection [rounds]`.

Selections are what a browser gives: the rendered text of one to four chunks, its line ends lost. Each is looked for in a build
of the embedded index; the first rounds warm it up. The aim is 50 ms.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from statistics import median

from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from server.finding.selected_text import enclose, find_selection
from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from shared.models import Chunk
from tests.support.fakes import make_build

CHUNKS = 5000
SELECTIONS = 100
WORDS = 20_000
"""Different ones, the n-th used 1/n as often as the first: as in a real book, most of a page's words are rare."""
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er", "ol")]
MARKUP = ("**%s**", "*%s*", "`%s`", "[%s](https://example.org/page)")


def pages(random: Random) -> Iterator[str]:
    """Pages without end, of sections of a few paragraphs with inline markup and lists."""
    words = ["".join(random.choices(SYLLABLES, k=random.randint(1, 4))) for _ in range(WORDS)]
    upto = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))

    def sentence() -> str:
        said = random.choices(words, cum_weights=upto, k=random.randint(8, 20))
        said[3] = random.choice(MARKUP) % said[3]
        return " ".join(said).capitalize() + "."

    def section(number: int) -> str:
        paragraphs = [" ".join(sentence() for _ in range(4)) for _ in range(random.randint(1, 4))]
        items = "\n".join(f"- {sentence()}" for _ in range(4))
        return "\n\n".join([f"## Section {number}", *paragraphs, items])

    while True:
        yield "# Chapter\n\n" + "\n\n".join(map(section, range(20))) + "\n"


def chunks_of_a_book() -> list[Chunk]:
    """The first `CHUNKS` chunks of a made-up book."""
    chunks: list[Chunk] = []
    for number, page in enumerate(pages(Random(7))):
        if len(chunks) >= CHUNKS:
            break
        document = parse(SourceFile(f"{number}.md", page))
        chunks += split(document, limits=ChunkLimits(), count=lambda text: len(text) // 4 + 1, collection="book")
    return chunks[:CHUNKS]


def selections(chunks: list[Chunk], random: Random) -> list[tuple[Chunk, str]]:
    """Where each begins, and its text."""
    chosen: list[tuple[Chunk, str]] = []
    for first in random.sample(range(CHUNKS - 4), SELECTIONS):
        together = [one for one in chunks[first : first + random.randint(1, 4)] if one.path == chunks[first].path]
        text = " ".join(" ".join(one.content.partition("\n\n")[2].split()) for one in together)
        chosen.append((chunks[first], text[random.randint(0, 40) :]))
    return chosen


async def main(rounds: int) -> None:
    """Print how many were found, and the median, 95th centile and longest time of one."""
    chunks = chunks_of_a_book()
    bm25 = Bm25()
    with tempfile.TemporaryDirectory() as folder:
        index = EmbeddedIndex(Path(folder), bm25)
        await index.publish(make_build(documents=len({one.path for one in chunks}), chunks=len(chunks)), chunks, None)
        times: list[float] = []
        right = 0
        async with index.snapshot() as snapshot:
            for _ in range(rounds):
                for chunk, text in selections(chunks, Random(7)):
                    began = time.perf_counter()
                    found = await find_selection(snapshot, bm25, text)
                    if found:
                        await enclose(snapshot, found, text)
                    times.append(1000 * (time.perf_counter() - began))
                    right += any(one.id == chunk.id for one in found)
        await index.aclose()
    times.sort()
    sys.stdout.write(
        f"{len(chunks)} chunks, {len(times)} selections, {right} found: median {median(times):.1f} ms, "
        f"95 % within {times[int(0.95 * len(times))]:.1f} ms, longest {times[-1]:.1f} ms\n"
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))

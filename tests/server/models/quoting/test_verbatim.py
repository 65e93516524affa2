"""What answers quote stands in the book, word for word: its own headings and rare words are asked, hundreds of them, through
the search and the model that needs no key."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flows.splitting.split import ChunkLimits
from server.answering.events import AnswerIds
from server.answering.generate import generate
from server.answering.progress import AnswerProgress
from server.finding.passages import Passage
from server.models.quoting.quoting_model import Extractive
from server.questions import ChatRequest
from shared.models import Chunk
from tests.conftest import FIXTURES, MEASURING_DATA
from tests.support.small_book import WORDS, find_in, open_book, read

BOOKS = {
    **{name: FIXTURES / "sites" / name for name in ("docusaurus", "mkdocs", "mdbook", "vitepress", "starlight", "sphinx")},
    "Physical AI": MEASURING_DATA / "physical-ai-book" / "corpus",
    "ml_beginners": MEASURING_DATA / "eval" / "ml_beginners" / "corpus",
}
MOST_PAGES = 30
QUESTIONS = {"Physical AI": 150, "ml_beginners": 150}
"""At most; of the small books all."""
IDS = AnswerIds(session_id="s", message_id="m", request_id="r")
MARKERS = re.compile(r"(?m)(?:^| )(?:\[\d+\])+$")
OURS = re.compile(r"\*\*.*\*\*|…|\|(?: --- \|)+|[`~]{3,}.*|")
"""Lines of an answer that are not quoted: a section's name, a gap, a table's rule, fences, and blank ones."""
NO_WORDS = re.compile(r"\s*(?:`{3,}.*|~{3,}.*|[\s:|-]*)")


def questions(chunks: Sequence[Chunk], most: int) -> Iterator[str]:
    """Its headings and the words that stand in one chunk alone, spread over the book."""
    seen = Counter(word for chunk in chunks for word in set(re.findall(r"\b[^\W\d_]{5,}\b", chunk.content)))
    asked: list[str] = []
    for chunk in chunks:
        rare = [word for word in re.findall(r"\b[^\W\d_]{5,}\b", chunk.content) if seen[word] == 1]
        asked += [
            " ".join(chunk.sections[-1].heading_path[-2:]),
            " ".join(rare[:1]),
            "What is said of " + " and ".join(rare[-2:]),
        ]
    found = [*dict.fromkeys(one for one in asked if one.strip())]
    yield from found[:: -(-len(found) // most)]


def quoted(text: str) -> Iterator[str]:
    """What is quoted, each run of lines between gaps by itself."""
    run: list[str] = []
    for line in [*MARKERS.sub("", text).replace("\u2060", "").split("\n")[2:], ""]:
        if not OURS.fullmatch(line):
            run.append(line)
        elif not line.startswith("| --- ") and run:
            yield "\n".join(run)
            run = []


def plain(text: str) -> str:
    """Its words between single spaces, without fences (a long listing has several) and rules of tables."""
    return " ".join(" ".join(line.split()) for line in text.splitlines() if not NO_WORDS.fullmatch(line)).strip()


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def is_in(said: str, source: str) -> bool:
    """Whether the words stand in the file in that order; markup may stand between them."""
    left = iter(words(source))
    return all(word in left for word in words(said))


@pytest.mark.parametrize("name", BOOKS)
async def test_what_is_quoted_stands_in_the_chunk_and_in_the_file(name: str, tmp_path: Path) -> None:
    if not BOOKS[name].is_dir():
        pytest.skip("the book is not beside the checkout")
    files = sorted(path for path in BOOKS[name].rglob("*.md*") if "node_modules" not in path.parts)
    pages = {path.relative_to(BOOKS[name]).as_posix(): path.read_text(encoding="utf-8") for path in files[:MOST_PAGES]}
    model = Extractive(lambda text: frozenset(WORDS.query(text).indices))
    answers = 0
    async with open_book(tmp_path, pages) as index:
        finder = find_in(index)
        for question in questions(read(pages), QUESTIONS.get(name, 60)):
            request = ChatRequest(question=question)
            passages = await finder.retrieve(request)
            events = [one async for one in generate(request, passages, AnswerProgress(IDS), model=None, fallback=model)]
            done = events[-1]
            assert done.type == "done"
            if done.abstained:
                continue
            answers += 1
            shown: list[Passage] = [one for one in model.arrange(request, passages).passages if one.n in done.cited]
            text = "".join(one.content for one in events if one.type == "chunk")
            for said in quoted(text):
                held = [one.chunk for one in shown if plain(said) in plain(one.chunk.content)]
                assert held, f"{question!r}: no chunk that is cited says {said!r}"
                assert any(is_in(said, html.unescape(chunk.text)) for chunk in held), f"{question!r}: not in the file: {said!r}"
    assert answers >= 4


async def test_a_listing_that_the_index_parted_keeps_its_blank_lines(tmp_path: Path) -> None:
    listing = "\n\n".join(f"def step_{n}(arm):\n    return arm.move({n})" for n in range(16))
    model = Extractive(lambda text: frozenset(WORDS.query(text).indices))
    async with open_book(tmp_path, {"a.md": f"# Steps\n\n```python\n{listing}\n```\n"}, limits=ChunkLimits.up_to(60)) as index:
        request = ChatRequest(question="return arm.move")
        passages = model.arrange(request, await find_in(index, enough=0.0).retrieve(request))
    assert len(passages.passages[0].chunk.sections[0].blocks) > 2
    assert f"```python\n{listing}\n```" in "".join(
        [part async for part in model.answer(request, passages) if isinstance(part, str)]
    )

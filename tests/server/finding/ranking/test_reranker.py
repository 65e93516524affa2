"""A re-ranking model behind `POST /rerank`: its order, and none of its faults."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from server.finding.ranking.reranker import REST_S, Reranker, open_reranker
from server.finding.retriever import Retriever
from server.questions import ChatRequest
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.tokens import Tokenizer
from tests.support.loopback_http import Exchange, LoopbackServer, Received
from tests.support.small_book import WORDS, count, open_book

PAGES = {f"{name}.md": f"# {name}\n\nThe robot moves its {name}, and it bends.\n" for name in ("arm", "leg", "neck")}
QUESTION = "Which part bends?"
Answer = Callable[[list[str]], object]


class Stage:
    """A `/rerank` endpoint with what it was asked."""

    def __init__(self, answer: Answer | None, status: int = 200) -> None:
        """`answer`: of documents; None: none ever comes."""
        self.asked: list[Received] = []
        self._answer = answer
        self._status = status

    async def serve(self, request: Received, exchange: Exchange) -> None:
        self.asked.append(request)
        if self._answer is None:
            await exchange.pause(600.0)
        else:
            await exchange.reply(self._status, self._answer(request.json()["documents"]))


def prefer(*names: str) -> Answer:
    """The documents that hold these names first, in this order, on a scale of its own."""

    def answer(documents: list[str]) -> object:
        worth = [-float(next(n for n, name in enumerate(names) if name in text)) for text in documents]
        results = [{"index": n, "relevance_score": 10 * value} for n, value in enumerate(worth)]
        return {"id": "x", "results": sorted(results, key=lambda one: -one["relevance_score"])}

    return answer


@asynccontextmanager
async def searching(folder: Path, stage: Stage, wait_s: float = 600.0) -> AsyncGenerator[Retriever]:
    """A book searched with the model in its place."""
    server = LoopbackServer(stage.serve)
    await server.start()
    reranker = Reranker(f"http://127.0.0.1:{server.port}/v1/rerank", model="m", api_key=SecretStr("k\n"), wait_s=wait_s)
    try:
        async with open_book(folder, PAGES) as index:
            tokenizer = Tokenizer(count=count, exact=True)
            finder = Retriever(index=index, bm25=WORDS, embeddings=None, tokenizer=tokenizer, reranker=reranker)
            yield finder
            await finder.aclose()
    finally:
        await server.stop()


async def found(finder: Retriever) -> list[tuple[str, float]]:
    """The pages found, and their scores."""
    return [(hit.chunk.path, hit.score) for hit in (await finder.search(QUESTION, k=10)).hits]


async def test_the_models_order_is_shown_with_the_scores_there_are(tmp_path: Path) -> None:
    stage = Stage(prefer("neck", "arm", "leg"))
    async with searching(tmp_path, stage) as finder:
        again = await found(finder)
        passages = await finder.retrieve(ChatRequest(question=QUESTION))
    async with searching(tmp_path / "own", Stage(lambda _: {}, status=503)) as finder:
        own = await found(finder)
    assert [path for path, _ in again] == ["neck.md", "arm.md", "leg.md"]
    assert [score for _, score in again] == [score for _, score in own]
    assert [path for path, _ in own] == ["arm.md", "leg.md", "neck.md"]
    assert passages.passages[0].chunk.path == "neck.md"
    request = stage.asked[0]
    assert (request.method, request.path, request.headers["authorization"]) == ("POST", "/v1/rerank", "Bearer k")
    asked = request.json()
    assert (asked["model"], asked["query"], asked["top_n"]) == ("m", QUESTION, 3)
    assert sorted(asked["documents"])[0] == "arm\nThe robot moves its arm, and it bends."


@pytest.mark.parametrize(
    "stage",
    [
        Stage(lambda _: {"detail": "no credit"}, status=402),
        Stage(lambda _: "<html>"),
        Stage(lambda _: {"results": []}),
        Stage(lambda _: {"results": [{"index": 0, "relevance_score": 1.0}] * 3}),
        Stage(lambda _: b'{"results": [%s]}' % b",".join(b'{"index": %d, "relevance_score": NaN}' % n for n in range(3))),
    ],
    ids=["refused", "no JSON", "none", "one thrice", "not a number"],
)
async def test_what_is_no_order_leaves_the_searchs_own_and_is_not_asked_again_at_once(tmp_path: Path, stage: Stage) -> None:
    async with searching(tmp_path, stage) as finder:
        first, second = await found(finder), await found(finder)
    assert [path for path, _ in first] == ["arm.md", "leg.md", "neck.md"]
    assert first == second
    assert len(stage.asked) == 1


async def test_a_reader_does_not_wait_for_a_model_that_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(None)
    async with searching(tmp_path, stage, wait_s=0.05) as finder:
        assert [path for path, _ in await found(finder)] == ["arm.md", "leg.md", "neck.md"]
        assert "results are in their own order: http://127.0.0.1" in caplog.text
        monkeypatch.setattr("server.finding.ranking.reranker.monotonic", lambda: 1e12 + REST_S)
        await found(finder)
    assert len(stage.asked) == 2


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert open_reranker(Settings()) is None
    assert open_reranker(Settings(rerank_url="https://api.example/v1/rerank")) is not None


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="RERANK_URL is 'rerank'; expected an address like"):
        Settings.read(rerank_url="rerank")

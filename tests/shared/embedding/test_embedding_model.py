"""Dense vectors over a real socket, from a server that answers well and badly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from shared.embedding import openai_embeddings
from shared.embedding.model import EmbeddingModel, open_embeddings
from shared.embedding.openai_embeddings import OpenAIEmbeddings
from shared.errors import ServiceError
from shared.retry import Patience
from shared.settings import Settings
from tests.support.loopback_http import Exchange, LoopbackServer, Received
from tests.support.openai.stand_in import StandIn
from tests.support.openai.vectors import bag_of_words

TEXTS = ["robots walk", "arms bend", "grippers close"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_embeddings, "IN_AN_INGEST", Patience(6, 0.001, 60.0))
    monkeypatch.setattr(openai_embeddings, "IN_A_QUESTION", Patience(2, 0.001, 1.0))


@asynccontextmanager
async def open_model(base_url: str, name: str = "m", dimensions: int = 64) -> AsyncIterator[OpenAIEmbeddings]:
    model = OpenAIEmbeddings(name=name, dimensions=dimensions, base_url=base_url, api_key=SecretStr("sk-test\n"))
    yield model
    await model.aclose()


@pytest.fixture
async def model(stand_in: StandIn) -> AsyncIterator[EmbeddingModel]:
    async with open_model(stand_in.base_url) as model:
        yield model


async def test_there_is_one_vector_per_text_in_order(model: EmbeddingModel, stand_in: StandIn) -> None:
    vectors = await model.embed_documents(TEXTS)
    assert vectors == [pytest.approx(bag_of_words(text, 64)) for text in TEXTS]
    assert stand_in.seen[0].inputs == TEXTS
    assert await model.embed_documents([]) == []
    assert stand_in.count("embeddings") == 1


async def test_vectors_are_put_in_order_by_their_index(model: EmbeddingModel, stand_in: StandIn) -> None:
    stand_in.fail("embeddings", "out_of_order")
    assert await model.embed_documents(TEXTS) == [pytest.approx(bag_of_words(text, 64)) for text in TEXTS]


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        ("wrong_length", "vectors of 63 floats, EMBEDDING_DIMENSIONS is 64"),
        ("nan", "infinity or not-a-number"),
        ("too_many", "4 vectors for 3 texts"),
        ("html", "not an embeddings response"),
        ("unauthorized", "EMBEDDING_API_KEY"),
        ("insufficient_quota", "insufficient_quota"),
        ("unknown_model", "check EMBEDDING_MODEL"),
    ],
)
async def test_what_trying_again_does_not_cure_is_one_sentence_after_one_request(
    model: EmbeddingModel, stand_in: StandIn, failure: str, sentence: str
) -> None:
    stand_in.fail("embeddings", failure, times=3)  # type: ignore[arg-type]
    with pytest.raises(ServiceError, match=sentence) as failed:
        await model.embed_documents(TEXTS)
    assert not failed.value.transient
    assert failed.value.service == "embeddings"
    assert "sk-" not in str(failed.value)
    assert stand_in.count("embeddings") == 1


@pytest.mark.parametrize("failure", ["rate_limited", "server_error", "unavailable"])
async def test_what_may_pass_is_waited_out(model: EmbeddingModel, stand_in: StandIn, failure: str) -> None:
    stand_in.fail("embeddings", failure, times=3, retry_after_s=0)  # type: ignore[arg-type]
    assert len(await model.embed_documents(TEXTS)) == 3
    assert stand_in.count("embeddings") == 4


async def test_a_question_is_given_up_soon(model: EmbeddingModel, stand_in: StandIn) -> None:
    stand_in.fail("embeddings", "unavailable", times=9)
    with pytest.raises(ServiceError) as failed:
        await model.embed_query("robots walk")
    assert failed.value.transient
    assert stand_in.count("embeddings") == 2


async def test_a_question_is_not_tried_again_when_the_service_wants_a_long_pause(
    model: EmbeddingModel, stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "rate_limited", times=2, retry_after_s=20)
    with pytest.raises(ServiceError):
        await model.embed_query("robots walk")
    assert stand_in.count("embeddings") == 1


async def test_a_server_that_does_not_answer_is_given_up(
    model: EmbeddingModel, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_embeddings, "QUERY_TIMEOUT_S", 0.05)
    stand_in.fail("embeddings", "slow", times=2, seconds=30.0)
    with pytest.raises(ServiceError, match="did not answer in time") as failed:
        await model.embed_query("robots walk")
    assert failed.value.transient


async def test_an_address_where_nobody_listens_is_one_clear_error() -> None:
    async with StandIn() as gone:
        address = gone.base_url
    async with open_model(address) as model:
        with pytest.raises(ServiceError, match=rf"^The connection to {address} \('m'\) failed"):
            await model.ping()


@pytest.mark.parametrize(("name", "sent"), [("text-embedding-3-small", 64), ("all-MiniLM-L6-v2", None)])
async def test_only_models_that_take_dimensions_are_sent_them(stand_in: StandIn, name: str, sent: int | None) -> None:
    async with open_model(stand_in.base_url, name=name) as model:
        await model.ping()
    assert stand_in.seen[0].body.get("dimensions") == sent
    assert stand_in.seen[0].headers["authorization"] == "Bearer sk-test"


@asynccontextmanager
async def server_of(answer: Callable[[dict[str, object]], tuple[int, object]]) -> AsyncIterator[tuple[str, list[str]]]:
    """A server and the encodings it was asked for."""
    asked: list[str] = []

    async def serve(request: Received, exchange: Exchange) -> None:
        asked.append(request.json()["encoding_format"])
        await exchange.reply(*answer(request.json()))

    server = LoopbackServer(serve)
    await server.start()
    yield f"http://127.0.0.1:{server.port}/v1", asked
    await server.stop()


FLOATS = {"data": [{"index": 0, "embedding": [0.5, 0.25]}]}


async def test_a_server_that_sends_numbers_where_base64_was_asked_for_is_understood() -> None:
    async with server_of(lambda _: (200, FLOATS)) as (address, _), open_model(address, dimensions=2) as model:
        assert await model.embed_query("x") == [0.5, 0.25]


async def test_a_server_that_refuses_base64_is_asked_for_numbers_from_then_on() -> None:
    def answer(body: dict[str, object]) -> tuple[int, object]:
        if body["encoding_format"] == "base64":
            return 400, {"error": {"message": "encoding_format must be float", "code": None, "type": "invalid_request_error"}}
        return 200, FLOATS

    async with server_of(answer) as (address, asked), open_model(address, dimensions=2) as model:
        assert [*map(list, await model.embed_documents(["x"]))] == [[0.5, 0.25]]
        await model.ping()
    assert asked == ["base64", "float", "float"]


@pytest.mark.parametrize(
    "body",
    [
        {"hello": "world"},
        [],
        {"data": None},
        {"data": [{"index": 0, "embedding": None}]},
        {"data": [{"index": 0, "embedding": "no base64!"}]},
        {"data": [{"index": 0, "embedding": "AAA="}]},
        {"error": {"message": "model not loaded"}},
    ],
)
async def test_a_foreign_answer_is_one_clear_error(body: object) -> None:
    async with server_of(lambda _: (200, body)) as (address, _), open_model(address, dimensions=2) as model:
        with pytest.raises(ServiceError, match="is this an OpenAI-compatible API") as failed:
            await model.ping()
    assert not failed.value.transient


def test_without_a_key_or_with_model_none_search_is_by_words() -> None:
    assert open_embeddings(Settings()) is None
    assert open_embeddings(Settings(openai_api_key=SecretStr("sk"), embedding_model="none")) is None


async def test_the_embedding_settings_win_over_the_openai_ones(stand_in: StandIn) -> None:
    settings = Settings(
        openai_api_key=SecretStr("sk-chat"),
        openai_base_url="http://127.0.0.1:1/v1",
        embedding_base_url=stand_in.base_url,
        embedding_api_key=SecretStr("sk-vectors"),
        embedding_dimensions=64,
    )
    model = open_embeddings(settings)
    assert model is not None
    assert (model.name, model.dimensions) == ("text-embedding-3-small", 64)
    await model.ping()
    await model.aclose()
    assert stand_in.seen[0].headers["authorization"] == "Bearer sk-vectors"

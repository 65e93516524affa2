"""What is known to be wrong before anything is started."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flows.launch.preflight import check, check_port, check_services, find_service_problems
from shared.errors import BookError, ConfigurationError, ServiceError
from shared.settings import Settings
from tests.support.book_folder import settings_for, write_book
from tests.support.loopback_http import Exchange, LoopbackServer, Received
from tests.support.openai.stand_in import StandIn

CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book")


@pytest.fixture
def settings(book: Path, tmp_path: Path) -> Settings:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return settings_for(book, tmp_path / "data", host="127.0.0.1", port=port)


def test_with_everything_in_order_nothing_is_said(settings: Settings) -> None:
    check(settings)


def test_a_busy_port_is_named(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        with pytest.raises(ConfigurationError, match=rf"^Port {settings.port} is in use by another program; .* PORT="):
            check(settings)


def test_an_address_that_is_not_ours_is_named(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"^Cannot listen on HOST 192\.0\.2\.1 PORT \d+: Cannot assign"):
        check_port(settings.model_copy(update={"host": "192.0.2.1"}))


def test_a_missing_folder_and_one_without_markdown_are_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"folder '.*nowhere' does not exist"):
        check(settings.model_copy(update={"book_source": str(tmp_path / "nowhere")}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BookError, match="There is no Markdown in"):
        check(settings.model_copy(update={"book_source": str(tmp_path / "empty")}))


def test_a_book_in_git_is_not_fetched_yet(settings: Settings) -> None:
    check(settings.model_copy(update={"book_source": f"git+{CLOSED}/r.git"}))


def test_a_data_folder_that_cannot_be_written_to_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"DATA_DIR='.*file/data' cannot be written to: Not a directory"):
        check(settings.model_copy(update={"data_dir": tmp_path / "file" / "data"}))


def test_a_collection_that_cannot_be_one_is_named(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="COLLECTION is 'a/b'"):
        check(settings.model_copy(update={"collection": "a/b"}))


@pytest.mark.parametrize("address", ["localhost:6333", "https://", "xyz.cloud.qdrant.io", "http://[::1"])
def test_a_qdrant_address_that_cannot_be_one_is_named(settings: Settings, address: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^QDRANT_URL is '{re.escape(address)}'; expected an address like"):
        check(settings.model_copy(update={"qdrant_url": address}))


@pytest.mark.parametrize("address", ["localhost:4200", "https://", "http://[::1"])
def test_a_prefect_address_that_cannot_be_one_is_named(settings: Settings, address: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^PREFECT_API_URL is '{re.escape(address)}'; expected an address like"):
        check(settings.model_copy(update={"prefect_api_url": address}))


def keyed(settings: Settings, **more: str) -> Settings:
    return Settings.model_validate(settings.model_dump() | {"openai_api_key": "sk-wrong"} | more)


async def test_a_key_that_is_refused_is_named_and_not_told(settings: Settings, stand_in: StandIn) -> None:
    stand_in.fail("models", "unauthorized")
    with pytest.raises(ServiceError) as caught:
        await asyncio.to_thread(check_services, keyed(settings, openai_base_url=stand_in.base_url))
    assert "OPENAI_API_KEY was refused by 127.0.0.1:" in str(caught.value)
    assert "sk-wrong" not in str(caught.value)


async def test_the_embedding_key_is_tried_where_it_is_used(settings: Settings, stand_in: StandIn) -> None:
    stand_in.fail("models", "unauthorized")
    separate = {"openai_base_url": CLOSED, "embedding_base_url": stand_in.base_url, "embedding_api_key": "other"}
    with pytest.raises(ServiceError, match=r"^EMBEDDING_API_KEY was refused"):
        await asyncio.to_thread(check_services, keyed(settings, **separate))


async def test_one_key_in_one_place_is_tried_once(settings: Settings, stand_in: StandIn) -> None:
    await asyncio.to_thread(check_services, keyed(settings, openai_base_url=stand_in.base_url))
    assert stand_in.count("models") == 1


def test_a_model_that_is_away_may_be_back_for_the_first_question(settings: Settings) -> None:
    check_services(keyed(settings, openai_base_url=f"{CLOSED}/v1"))


@pytest.mark.parametrize("address", ["localhost:8080", "https://", "api.openai.com/v1"])
def test_an_address_that_is_none_is_named(settings: Settings, address: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^'{address}' is not an address"):
        check(keyed(settings, openai_base_url=address))


def test_a_key_that_no_header_can_carry_is_named(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY is malformed"):
        check(keyed(settings, openai_api_key="sk-ключ", openai_base_url=CLOSED))


def test_a_qdrant_that_does_not_answer_is_named(settings: Settings) -> None:
    with pytest.raises(ServiceError, match=r"Qdrant does not answer at QDRANT_URL='http://127.0.0.1:9'"):
        check_services(settings.model_copy(update={"qdrant_url": CLOSED}))


async def test_a_qdrant_key_that_is_refused_is_named(settings: Settings, refusing: str) -> None:
    with pytest.raises(ServiceError, match=r"^QDRANT_API_KEY was refused"):
        await asyncio.to_thread(check_services, settings.model_copy(update={"qdrant_url": refusing}))


async def test_every_service_that_is_away_is_told_of(settings: Settings, refusing: str) -> None:
    away = keyed(settings, openai_base_url=f"{refusing}/v1", qdrant_url=CLOSED)
    problems = await asyncio.to_thread(lambda: list(find_service_problems(away)))
    assert [problem.service for problem in problems] == ["openai", "qdrant"]


def test_a_service_that_is_away_is_no_mistake_of_this_machine(settings: Settings) -> None:
    check(keyed(settings, openai_base_url=f"{CLOSED}/v1", qdrant_url=CLOSED))


def test_a_lectern_without_a_book_looks_for_none(settings: Settings) -> None:
    check(settings.model_copy(update={"book_source": "none"}))


@pytest.fixture
async def refusing() -> AsyncIterator[str]:
    """A server that takes nobody's key."""

    async def refuse(_request: Received, exchange: Exchange) -> None:
        await exchange.reply(401, {"status": "unauthorized"})

    server = LoopbackServer(refuse, 0)
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()

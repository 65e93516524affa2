"""The web process as its operator meets it: started, refused, stopped."""

from __future__ import annotations

import gc
import json
import signal
import socket
from pathlib import Path

import pytest

from server.__main__ import leave_alone_what_stays
from tests.support.live_server import free_port, running, start, until

pytestmark = pytest.mark.processes


def test_what_was_loaded_for_good_is_not_looked_through_for_garbage_again() -> None:
    kept = [[n] for n in range(1000)]
    leave_alone_what_stays()
    try:
        assert gc.get_freeze_count() > len(kept)
        assert not {id(one) for one in gc.get_objects()} & {id(one) for one in kept}
    finally:
        gc.unfreeze()


async def refusal(folder: Path, **settings: str) -> tuple[int | None, str]:
    process = await start(folder, **settings)
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_it_answers_before_the_book_is_read_and_stops_when_told(tmp_path: Path) -> None:
    async with running(tmp_path, PREFECT_API_URL="http://127.0.0.1:1/api") as (process, client):
        answer = await client.post("/chat", json={"question": "What moves?", "stream": False})
        assert answer.json()["answer"].startswith("The book has not been read yet")

        async def is_reading() -> bool:  # at first nothing is known of the index, on a busy machine
            return (await client.get("/health")).json()["status"] == "reading"

        await until(is_reading)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_production_logs_one_json_line_per_answer_without_the_question(tmp_path: Path) -> None:
    async with running(tmp_path, ENVIRONMENT="production", PREFECT_API_URL="http://127.0.0.1:1/api") as (process, client):
        response = await client.post("/chat", json={"question": "What zyzzyva moves?"})
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert process.returncode == 0
    lines = [json.loads(line) for line in errors.decode().splitlines()]
    (answered,) = [line for line in lines if line["event"] == "answered"]
    assert answered["request_id"] == response.headers["x-request-id"]
    assert answered["abstained"] is True
    assert "zyzzyva" not in errors.decode()


async def test_a_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        code, errors = await refusal(tmp_path, PORT=str(port))
    assert code == 1
    assert errors == f"lectern: Cannot listen on HOST 127.0.0.1 PORT {port}: Address already in use.\n"


async def test_a_data_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, errors = await refusal(tmp_path, DATA_DIR=str(tmp_path / "file" / "data"))
    assert code == 1
    assert errors == f"lectern: The data folder DATA_DIR='{tmp_path}/file/data' cannot be written to: Not a directory.\n"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "seventy", "PORT is 'seventy'"),
        ("ALLOWED_ORIGINS", "*", "ALLOWED_ORIGINS"),
        ("PREFECT_API_URL", "prefect", "PREFECT_API_URL is 'prefect'"),
        ("BOOK_LANGUAGE", "klingon", "BOOK_LANGUAGE is 'klingon'"),
        ("COLLECTION", "a/b", "COLLECTION is 'a/b'"),
        ("HOST", "256.1.1.1", "HOST 256.1.1.1"),
    ],
)
async def test_a_setting_that_is_wrong_is_one_sentence(tmp_path: Path, name: str, value: str, expected: str) -> None:
    code, errors = await refusal(tmp_path, **({"PORT": str(free_port())} | {name: value}))
    assert code == 1
    assert expected in errors
    assert errors.count("\n") == 1


async def test_a_secret_that_is_wrong_is_not_shown(tmp_path: Path) -> None:
    _, errors = await refusal(tmp_path, OPENAI_API_KEY="sk-secret-12345", PORT="seventy")
    assert "sk-secret" not in errors

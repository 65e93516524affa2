"""What two programs started at the same time do not share."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from flows.launch import locks
from flows.launch.locks import lock_data_dir, lock_prefect_port
from shared.errors import ConfigurationError

WEB = 7860


@pytest.fixture(autouse=True)
def usual_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that is free here, in a temporary folder of its own, in the place of 4200."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    monkeypatch.setattr(locks, "USUAL_PREFECT_PORT", port)
    return port


def test_prefect_has_its_usual_port_again_and_again(usual_port: int) -> None:
    for _ in range(2):
        with lock_prefect_port(web_port=WEB) as port:
            assert port == usual_port


def test_two_that_start_at_once_do_not_choose_one_port(usual_port: int) -> None:
    with lock_prefect_port(web_port=WEB) as first, lock_prefect_port(web_port=WEB) as second:
        assert first == usual_port
        assert second not in (first, 0)


def test_prefect_moves_when_another_program_has_its_port(usual_port: int) -> None:
    with socket.create_server(("127.0.0.1", usual_port)), lock_prefect_port(web_port=WEB) as port:
        assert port not in (usual_port, 0)


def test_prefect_moves_when_the_web_wants_its_port(usual_port: int) -> None:
    with lock_prefect_port(web_port=usual_port) as port:
        assert port not in (usual_port, 0)


def test_a_lock_that_belongs_to_somebody_else_is_no_error(usual_port: int, tmp_path: Path) -> None:
    (tmp_path / f"lectern-prefect-{usual_port}.lock").mkdir()
    with lock_prefect_port(web_port=WEB) as port:
        assert port not in (usual_port, 0)


def test_a_data_folder_serves_one_at_a_time(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path / "data"), pytest.raises(ConfigurationError) as refused:
        lock_data_dir(tmp_path / "data")
    assert "already running with the data folder" in str(refused.value)
    assert "make up DATA_DIR=... PORT=..." in str(refused.value)
    lock_data_dir(tmp_path / "data").close()

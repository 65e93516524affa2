"""Whom Prefect's server answers."""

from __future__ import annotations

import os
import subprocess
import sys

from flows.launch.prefect_server import addresses_of, own_hosts, own_origins
from tests.conftest import REPOSITORY

PRINTED = "http://127.0.0.1:4200/api"


def test_it_answers_to_this_machine_and_to_where_it_is_said_to_be() -> None:
    assert own_hosts([PRINTED]) == ["127.0.0.1", "localhost"]
    assert own_hosts(["http://prefect:4200/api", "https://runs.example.org/api"]) == [
        "127.0.0.1", "localhost", "prefect", "runs.example.org",
    ]  # fmt: skip


def test_the_pages_of_its_ui_may_call_it_under_either_name_of_this_machine() -> None:
    assert own_origins([PRINTED]) == ["http://127.0.0.1:4200", "http://localhost:4200"]
    assert own_origins(["https://runs.example.org/api"]) == ["https://runs.example.org"]
    assert own_origins([]) == []


def test_its_addresses_are_those_of_prefects_settings() -> None:
    environment = {"PREFECT_API_URL": PRINTED, "PREFECT_SERVER_UI_API_URL": "", "PREFECT_HOME": "/home"}
    assert addresses_of(environment) == [PRINTED]


def test_without_a_password_it_does_not_start() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-m", "flows.launch.prefect_server"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("lectern: PREFECT_SERVER_API_AUTH_STRING is not set;")
    assert done.stderr.count("\n") == 1

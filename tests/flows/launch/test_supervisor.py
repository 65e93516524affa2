"""What the supervised programs find in their environment."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from prefect.settings import Settings as PrefectSettings

from flows.launch.supervisor import PREFECT_DEFAULTS, environment, prepare_launch
from flows.vocabulary import bring_vocabulary
from shared.settings import Settings
from shared.tokens import VOCABULARY_FILE
from tests.support.fakes import ADMIN_KEY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(book_source="/book", data_dir=tmp_path)


def test_a_key_for_ingest_is_made_when_none_is_set_and_only_its_owner_can_read_it(settings: Settings) -> None:
    launch = prepare_launch(settings)
    assert launch.admin_key_file is not None
    assert launch.admin_key_file.read_text().strip() == launch.admin_key
    assert stat.S_IMODE(launch.admin_key_file.stat().st_mode) == 0o600
    assert environment(settings, launch)["ADMIN_API_KEY"] == launch.admin_key
    assert prepare_launch(settings).admin_key != launch.admin_key


def test_a_key_that_is_set_is_used_and_written_nowhere(tmp_path: Path) -> None:
    launch = prepare_launch(Settings(data_dir=tmp_path, admin_api_key=ADMIN_KEY))  # type: ignore[arg-type]
    assert (launch.admin_key, launch.admin_key_file) == (ADMIN_KEY, None)


def test_prefect_keeps_to_this_machine_and_tells_nobody(settings: Settings) -> None:
    launch = prepare_launch(settings)
    found = environment(settings, launch)
    assert found["PREFECT_API_URL"] == f"{launch.prefect_url}/api"
    assert found["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    assert found["PREFECT_HOME"] == str(settings.data_dir / "prefect")
    assert (found["PREFECT_SERVER_ANALYTICS_ENABLED"], found["DO_NOT_TRACK"]) == ("false", "1")
    assert (found["LECTERN_START_PREFECT"], found["LECTERN_START_WORKER"]) == ("true", "true")


def test_the_sources_of_several_books_are_made_definite(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"BOOKS": "a,b-c", "A__BOOK_SOURCE": "one", "B_C__BOOK_SOURCE": "git+https://host/r.git"}.items():
        monkeypatch.setenv(name, value)
    found = environment(settings, prepare_launch(settings))
    assert (found["A__BOOK_SOURCE"], found["B_C__BOOK_SOURCE"]) == (str(tmp_path / "one"), "git+https://host/r.git")


def test_how_often_prefect_looks_after_its_records_can_be_set_by_who_starts_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS"
    assert environment(settings, prepare_launch(settings))[name] == "30"
    monkeypatch.setenv(name, "5")
    assert environment(settings, prepare_launch(settings))[name] == "5"


def test_what_prefect_is_set_to_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PREFECT_DEFAULTS.items():
        monkeypatch.setenv(name, value)
    assert PREFECT_DEFAULTS.keys() <= PrefectSettings().to_environment_variables(exclude_unset=True).keys()


def test_a_password_for_prefect_is_made_once_and_only_its_owner_can_read_it(settings: Settings) -> None:
    launch = prepare_launch(settings)
    assert launch.prefect_auth is not None
    assert launch.prefect_auth_file is not None
    auth = launch.prefect_auth.get_secret_value()
    assert launch.prefect_auth_file.read_text().strip() == auth
    assert stat.S_IMODE(launch.prefect_auth_file.stat().st_mode) == 0o600
    found = environment(settings, launch)
    assert (found["PREFECT_API_AUTH_STRING"], found["PREFECT_SERVER_API_AUTH_STRING"]) == (auth, auth)
    assert len(auth) > 32
    launch.prefect_auth_file.chmod(0o644)
    again = prepare_launch(settings)
    assert again.prefect_auth == launch.prefect_auth
    assert stat.S_IMODE(launch.prefect_auth_file.stat().st_mode) == 0o600


def test_a_password_for_prefect_that_is_set_is_used_and_written_nowhere(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, prefect_api_auth_string="admin:mine")  # type: ignore[arg-type]
    launch = prepare_launch(settings)
    assert launch.prefect_auth_file is None
    assert environment(settings, launch)["PREFECT_SERVER_API_AUTH_STRING"] == "admin:mine"
    assert not (tmp_path / "prefect-auth").exists()


def test_a_prefect_that_somebody_else_runs_is_used_and_none_is_started(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, prefect_api_url="https://prefect.example.org/api")
    launch = prepare_launch(settings)
    assert launch.prefect_url == "https://prefect.example.org"
    found = environment(settings, launch)
    assert (found["LECTERN_START_PREFECT"], found["LECTERN_START_WORKER"]) == ("false", "true")
    assert launch.prefect_auth is None
    assert "PREFECT_API_AUTH_STRING" not in found


def test_without_a_book_only_the_web_server_is_started(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, book_source="none")
    found = environment(settings, prepare_launch(settings))
    assert (found["LECTERN_START_PREFECT"], found["LECTERN_START_WORKER"]) == ("false", "false")


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:7860"), ("::", "http://[::1]:7860"), ("192.0.2.7", "http://192.0.2.7:7860")],
)
def test_the_address_that_is_printed_can_be_reached_from_here(tmp_path: Path, host: str, url: str) -> None:
    assert prepare_launch(Settings(data_dir=tmp_path, host=host)).web_url == url


def test_in_production_logs_go_to_standard_output(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, environment="production")
    found = environment(settings, prepare_launch(settings))
    assert (found["LECTERN_WEB_LOG"], found["LECTERN_LOG_BYTES"]) == ("/dev/fd/1", "0")


def test_the_vocabulary_follows_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "installed"
    (installed / "tiktoken").mkdir(parents=True)
    (installed / "tiktoken" / VOCABULARY_FILE).write_text("x")
    monkeypatch.setattr("flows.vocabulary.INSTALLED", installed)
    bring_vocabulary(tmp_path / "data")
    assert (tmp_path / "data" / "tiktoken" / VOCABULARY_FILE).read_text() == "x"


def test_without_a_vocabulary_nothing_is_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.vocabulary.INSTALLED", tmp_path / "nowhere")
    bring_vocabulary(tmp_path / "data")
    assert not (tmp_path / "data").exists()

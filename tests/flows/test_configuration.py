"""The settings as the command line reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.configuration import read_settings
from shared.errors import BookError, ConfigurationError
from shared.settings import Settings


def test_paths_are_made_definite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings("docs")
    assert (settings.book_source, settings.data_dir) == (str(tmp_path / "docs"), tmp_path / ".data")


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert read_settings("~/book").book_source == "/home/me/book"


def test_no_book_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SOURCE", "none")
    assert not read_settings().reads_book


def test_an_address_in_git_stays_as_it_is() -> None:
    assert read_settings("git+https://host/r.git@v1#docs").book_source == "git+https://host/r.git@v1#docs"


def test_the_book_that_is_named_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_SOURCE", "/from/environment")
    assert read_settings().book_source == "/from/environment"
    assert read_settings("/named").book_source == "/named"


def test_every_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("SITE_KIND", "wiki")
    with pytest.raises(ConfigurationError, match=r"SITE_KIND is 'wiki'.*\.\nPORT is 'http'"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("port", "0", "a whole number from 1 to 65535"),
        ("max_streams", "1.5", "a whole number, 1 or more"),
        ("answer_support", "much", "a number from 0 to 1"),
        ("daily_budget_usd", "-1", "a number, 0 or more"),
        ("metrics_open", "perhaps", "true or false"),
        ("site_trailing_slash", "perhaps", "true or false"),
        ("log_level", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_what_a_setting_may_be_is_said(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(ConfigurationError, match=f"^{name.upper()} is {value!r}; expected {re.escape(expected)}\\.$"):
        read_settings()


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if field.annotation not in {str, Path}])
def test_no_setting_is_refused_in_the_words_of_the_validator(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name.upper(), "\N{SNOWMAN}")
    try:
        read_settings()
    except ConfigurationError as exc:
        assert "nput" not in str(exc)  # noqa: PT017  many settings take any text


@pytest.mark.parametrize(
    ("address", "in_git"),
    [
        ("https://github.com/you/book", "git+https://github.com/you/book"),
        ("https://github.com/you/book.git", "git+https://github.com/you/book.git"),
        ("https://me:secret@github.com/you/book", "git+https://github.com/you/book"),
        ("https://github.com/you/book/tree/main/docs", "git+https://github.com/you/book@main#docs"),
        ("https://gitlab.com/you/book/-/tree/v1", "git+https://gitlab.com/you/book@v1"),
        ("https://host/book.git#docs", "git+https://host/book.git#docs"),
        ("ssh://git@github.com/you/book", "git+ssh://git@github.com/you/book"),
        ("git@github.com:you/book.git", "git+ssh://git@github.com/you/book.git"),
        ("git://host/book.git", "git+https://host/book.git"),
        ("github.com/you/book", "git+https://github.com/you/book"),
    ],
)
def test_a_repository_as_git_or_a_browser_names_it_says_what_to_write(address: str, in_git: str) -> None:
    with pytest.raises(BookError, match=rf"in git it is {re.escape(repr(in_git))}\.$"):
        read_settings(address)

"""The settings as the command line reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.configuration import read_settings
from shared.errors import ConfigurationError


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
    monkeypatch.setenv("SITE_KIND", "hugo")
    with pytest.raises(ConfigurationError, match=r"SITE_KIND is 'hugo'.*; PORT is 'http'"):
        read_settings()

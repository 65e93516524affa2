"""Several books: the settings of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.books import each_book, settings_of_book
from shared.errors import ConfigurationError
from shared.settings import Settings


def set_environment(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_one_book_has_the_settings_as_they_are() -> None:
    settings = Settings.read()
    assert each_book(settings) == {"": settings}
    assert settings_of_book(settings, "") == settings


def test_each_book_has_what_is_set_behind_its_name_and_else_what_is_set_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, BOOKS="ros2, isaac-sim", SITE_KIND="mkdocs", COLLECTION="robots", PORT="8000")
    set_environment(monkeypatch, ROS2__BOOK_SOURCE="/ros2", ROS2__SITE_URL="https://ros.example", ISAAC_SIM__SITE_KIND="hugo")
    books = each_book(Settings.read())
    assert [*books] == ["ros2", "isaac-sim"]
    ros2, isaac = books.values()
    assert (ros2.book_source, ros2.site.url, ros2.site.base, ros2.site_kind) == ("/ros2", "https://ros.example", "/", "mkdocs")
    assert (isaac.book_source, isaac.site.base, isaac.site_kind) == ("docs", "/books/isaac-sim/", "hugo")
    assert [each.collection for each in (ros2, isaac)] == ["robots-ros2", "robots-isaac-sim"]
    assert {each.port for each in (ros2, isaac)} == {8000}


def test_a_file_of_settings_names_them_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("BOOKS=a,b\nB__BOOK_SOURCE=/b\n", encoding="utf-8")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    assert settings_of_book(Settings.read(), "b").book_source == "/b"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BOOKS": "a,A"}, "^BOOKS is 'a,A'; expected names of lower-case letters"),
        ({"BOOKS": "a,a"}, "each once"),
        ({"BOOKS": "a,b/c"}, "^BOOKS is"),
        ({"BOOKS": "a", "A__PORT": "1"}, "^A__PORT cannot be set for one book"),
        ({"BOOKS": "a,b", "A__COLLECTION": "x", "B__COLLECTION": "x"}, "^The books a and b have one COLLECTION, x"),
        ({"BOOKS": "a", "A__SITE_KIND": "wiki"}, "SITE_KIND is 'wiki'"),
    ],
)
def test_what_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str) -> None:
    set_environment(monkeypatch, **environment)
    with pytest.raises(ConfigurationError, match=said):
        each_book(Settings.read())


def test_a_book_that_there_is_not_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="There is no book 'c': BOOKS names none"):
        settings_of_book(Settings.read(), "c")
    set_environment(monkeypatch, BOOKS="a,b")
    with pytest.raises(ConfigurationError, match="There is no book 'c': there are a, b"):
        settings_of_book(Settings.read(), "c")

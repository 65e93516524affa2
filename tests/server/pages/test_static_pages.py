from __future__ import annotations

import re
from posixpath import normpath

import pytest

from server.app import create_app
from server.routes.static_pages import FOLDER
from tests.support.fakes import make_services

FILES = sorted(file for file in FOLDER.iterdir() if file.suffix in {".html", ".js", ".css"})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_loaded_from_elsewhere(file: object) -> None:
    text = (FOLDER / str(file)).read_text(encoding="utf-8")
    assert [address for address in re.findall(r"https?://[^\s'\"`)/]+", text) if "www.w3.org" not in address] == []


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix == ".js"], ids=lambda file: file.name)
def test_text_never_becomes_markup(file: object) -> None:
    text = (FOLDER / str(file)).read_text(encoding="utf-8")
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []


def test_the_page_names_what_it_shows() -> None:
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in text
    assert '<label for="question"' in text
    assert 'aria-live="polite"' in text


def test_every_file_the_pages_name_is_served() -> None:
    services = make_services()
    served = {rule.rule for rule in create_app(services.settings, services).url_map.iter_rules()}
    named = {
        normpath(f"/{name}")
        for file in FILES
        for name in re.findall(r'(?:src|href)="([\w./]+)"', file.read_text(encoding="utf-8"))
    }
    assert named <= served
    assert {"/page.js", "/markdown.js", "/docs.js", "/events.js", "/style.css"} <= named

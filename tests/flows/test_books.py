"""Constructs that take more than one file: whole books in `tests/fixtures/books/`, each in one text, and what is expected.

A file is made of parts, each below a line `@@@ name`: the files of the book, perhaps `settings` (`SITE_KIND=mkdocs`, line by
line), last `expected`: the pages as `_shown` puts them. To write the expectations anew: `APPROVE=1 pytest` this file; then
read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.book import Book, read_book
from flows.progress import Tracker
from shared.settings import Settings
from tests.conftest import FIXTURES
from tests.flows.reading.test_constructs import parts_of
from tests.support.book_folder import write_book

CASES = sorted((FIXTURES / "books").glob("*.txt"))


def _shown(book: Book) -> str:
    lines: list[str] = []
    for page in book.pages:
        lines.append(f"{page.path}: left out: {page.left_out}" if page.left_out else page.path)
        for chunk in page.chunks:
            lines.append(f"    {chunk.url}")
            lines += [f"        {line}" for line in chunk.content.split("\n") if line]
    lines += [f"problem: {each.path}: line {each.line}: {each.reason}" for each in book.problems]
    return "\n".join(lines) + "\n"


def _settings(given: str, book: Path, data_dir: Path) -> Settings:
    values = dict(line.split("=", 1) for line in given.splitlines())
    values = {name.lower(): value for name, value in values.items()}
    return Settings.model_validate({"book_source": str(book), "data_dir": data_dir, **values})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
async def test_a_book_is_read_as_its_site_shows_it(case: Path, tmp_path: Path) -> None:
    parts = parts_of(case)
    files = {name: text for name, text in parts.items() if name not in {"settings", "expected"}}
    settings = _settings(parts.get("settings", ""), write_book(tmp_path / "book", files), tmp_path / "data")
    shown = _shown(await read_book(settings, tracker=Tracker(lambda _: None)))
    if os.environ.get("APPROVE"):
        _approve(case, {**parts, "expected": shown})
    assert shown == parts_of(case)["expected"]


def _approve(case: Path, parts: dict[str, str]) -> None:
    case.write_text("".join(f"@@@ {name}\n{text}" for name, text in parts.items()), encoding="utf-8")

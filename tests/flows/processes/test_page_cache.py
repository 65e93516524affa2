"""A page is read again when anything it hangs on has changed, and only then."""

from __future__ import annotations

import ast
import random
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from flows.book import Batch, Book, read_batch, read_book
from flows.processes import page_cache
from flows.processes.page_cache import NAME, READING_CODE, READING_LIBRARIES
from flows.processes.pool import Readers
from flows.progress import Tracker
from flows.reading.page import Page
from shared.models import Progress
from shared.settings import HOME, Settings
from tests.support.book_folder import PAGES, settings_for, write_book

MKDOCS = "site_name: Robots\nmarkdown_extensions:\n  - pymdownx.snippets:\n      base_path: [docs]\n"
PARTS = ("part", "step", "note")
SEED = 20261128
ROUNDS = 6


async def read(settings: Settings, *, anew: bool = False) -> tuple[Book, list[str]]:
    """The book, and which of its pages were read for it."""
    asked: list[str] = []

    async def watched(batch: Batch, readers: Readers, advance: Callable[[int], None]) -> Sequence[Page]:
        asked.extend(batch.paths)
        return await read_batch(batch, readers, advance)

    return await read_book(settings, tracker=Tracker(lambda _: None), read=watched, anew=anew), asked


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book")


@pytest.fixture
def settings(book: Path, tmp_path: Path) -> Settings:
    return settings_for(book, tmp_path / "data")


async def test_a_page_is_read_again_only_when_its_text_has_changed(book: Path, settings: Settings) -> None:
    first, asked = await read(settings)
    assert sorted(asked) == sorted(PAGES)
    again, asked = await read(settings)
    assert (again, asked) == (first, [])
    write_book(book, {"arms.md": "# Arms\n\nAn arm reaches.\n"})
    edited, asked = await read(settings)
    assert asked == ["arms.md"]
    assert [chunk.content for page in edited.pages if page.path == "arms.md" for chunk in page.chunks] == [
        "Arms\n\nAn arm reaches."
    ]
    _, asked = await read(settings, anew=True)
    assert sorted(asked) == sorted(PAGES)


async def test_how_many_files_are_read_is_counted_with_those_that_need_not_be(
    book: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.book.BATCH_FILES", 1)
    await read(settings)
    write_book(book, {"arms.md": "# Arms\n\nAn arm reaches.\n", "new.md": "# New\n\nA page.\n"})
    told: list[int] = []

    def hear(progress: Progress) -> None:
        told.extend(step.done for step in progress.steps if step.name == "read" and step.done)

    await read_book(settings, tracker=Tracker(hear))
    assert sorted(set(told)) == [2, 3, 4]


async def test_a_page_is_read_again_when_a_file_it_includes_comes_changes_or_goes(tmp_path: Path) -> None:
    page = '# Arms\n\n--8<-- "part.txt"\n'
    book = write_book(tmp_path / "book", {"mkdocs.yml": MKDOCS, "docs/arms.md": page, "docs/legs.md": "# Legs\n\nWalk.\n"})
    settings = settings_for(book, tmp_path / "data", site_kind="mkdocs", book_include=("docs/*.md",))
    missing, _ = await read(settings)
    assert [problem.path for problem in missing.problems] == ["docs/arms.md"]
    for text in ("An arm reaches.\n", "An arm bends.\n"):
        write_book(book, {"docs/part.txt": text})
        with_part, asked = await read(settings)
        assert asked == ["docs/arms.md"]
        assert text.strip() in with_part.chunks[0].content
    (book / "docs/part.txt").unlink()
    without, asked = await read(settings)
    assert (without, asked) == (missing, ["docs/arms.md"])


async def test_every_page_is_read_again_when_the_site_or_the_settings_have_changed(book: Path, settings: Settings) -> None:
    await read(settings)
    for changed in ({"site_base": "/robots/"}, {"chunk_tokens": 64}, {"collection": "other"}):
        _, asked = await read(settings.model_copy(update=changed))
        assert sorted(asked) == sorted(PAGES)


async def test_every_page_is_read_again_when_the_sites_configuration_has_changed(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", {"mkdocs.yml": MKDOCS, **{f"docs/{path}": text for path, text in PAGES.items()}})
    settings = settings_for(book, tmp_path / "data", book_include=("docs/**",))
    before, _ = await read(settings)
    write_book(book, {"mkdocs.yml": f"{MKDOCS}use_directory_urls: false\n"})
    after, asked = await read(settings)
    assert sorted(asked) == sorted(page.path for page in before.pages)
    assert {chunk.url for chunk in after.chunks}.isdisjoint(chunk.url for chunk in before.chunks)


async def test_every_page_is_read_again_by_another_reader(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    await read(settings)
    monkeypatch.setattr(page_cache, "reader_version", lambda: "newer")
    assert sorted((await read(settings))[1]) == sorted(PAGES)


async def test_a_page_that_could_not_be_read_is_tried_again(book: Path, settings: Settings) -> None:
    (book / "latin.md").write_bytes(b"caf\xe9")
    for _ in range(2):
        latin, asked = await read(settings)
        assert [problem.path for problem in latin.problems] == ["latin.md"]
        assert "latin.md" in asked


async def test_a_cache_that_is_damaged_is_made_anew(settings: Settings, tmp_path: Path) -> None:
    first, _ = await read(settings)
    (tmp_path / "data" / NAME).write_bytes(b"no database" * 500)
    again, asked = await read(settings)
    assert (again, sorted(asked)) == (first, sorted(PAGES))
    assert (await read(settings))[1] == []


async def test_pages_that_left_the_book_leave_the_cache(book: Path, settings: Settings, tmp_path: Path) -> None:
    await read(settings)
    await read(settings.model_copy(update={"collection": "other"}))
    (book / "arms.md").unlink()
    await read(settings)
    with sqlite3.connect(tmp_path / "data" / NAME) as connection:
        kept = connection.execute("SELECT collection, path FROM read_pages").fetchall()
    connection.close()
    assert set(kept) == {("lectern", path) for path in PAGES if path != "arms.md"} | {("other", path) for path in PAGES}


async def test_after_any_edits_the_book_is_chunk_by_chunk_what_a_fresh_reading_gives(tmp_path: Path) -> None:
    chance, book = random.Random(SEED), tmp_path / "book"
    write_book(book, {"mkdocs.yml": MKDOCS, **{f"docs/{name}.txt": _words(chance) for name in PARTS}})
    write_book(book, {f"docs/{n}.md": _page(chance) for n in range(12)})
    cached = settings_for(book, tmp_path / "data", site_kind="mkdocs", book_include=("docs/*.md",))
    total = 0
    for number in range(ROUNDS):
        incremental, asked = await read(cached)
        fresh, all_pages = await read(cached.model_copy(update={"data_dir": tmp_path / f"fresh-{number}"}))
        assert incremental == fresh
        total += len(all_pages) - len(asked)
        for _ in range(2):
            chance.choice(_edits(chance, book))()
    assert total > 0


def _edits(chance: random.Random, book: Path) -> list[Callable[[], object]]:
    page = book / "docs" / f"{chance.randrange(14)}.md"
    part = book / "docs" / f"{chance.choice(PARTS)}.txt"
    navigation = "\nnav:\n" + "".join(f"  - {n}.md\n" for n in chance.sample(range(12), 12))
    return [
        partial(page.write_text, _page(chance)),
        partial(page.unlink, missing_ok=True),
        partial(part.write_text, _words(chance)),
        partial(part.unlink, missing_ok=True),
        partial((book / "mkdocs.yml").write_text, MKDOCS + navigation),
    ]


def _page(chance: random.Random) -> str:
    includes = "".join(f'\n--8<-- "{name}.txt"\n' for name in PARTS if chance.random() < 0.4)
    return f"# {_words(chance)}\n{_words(chance)}\n{includes}\n## {_words(chance)}\n{_words(chance)}"


def _words(chance: random.Random) -> str:
    return " ".join(chance.choices(("arm", "leg", "gait", "joint", "gripper", "motor"), k=8)) + ".\n"


def test_the_libraries_that_reading_uses_are_part_of_the_reader_version() -> None:
    used: set[str] = set()
    for folder in READING_CODE[1:-1]:
        for module in (HOME / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                used.update([*names, node.module or ""] if isinstance(node, ast.ImportFrom) else names)
    packages = packages_distributions()
    libraries = {name.lower() for module in used for name in packages.get(module.partition(".")[0], [])}
    assert libraries - {"lectern", "httpx"} <= set(READING_LIBRARIES)  # httpx: of `verify-links`, which reads no page

"""Ways to damage the data folder, what readers get then, and what the next ingest makes of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.errors import LecternError, NotBuiltError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.open_index import open_index
from shared.models import Chunk
from shared.settings import Settings
from tests.support.book_folder import PAGES, ingest_book, live_chunks, settings_for, write_book

GARBAGE = bytes(range(256)) * 16


@dataclass(frozen=True)
class Data:
    """A data folder with two builds, as it is before it is damaged."""

    settings: Settings
    first: str
    second: str
    """The live one."""
    chunks: dict[str, Chunk]

    @property
    def index(self) -> Path:
        return self.settings.data_dir / "index" / self.settings.collection

    @property
    def live(self) -> Path:
        return self.index / "builds" / self.second

    @property
    def current(self) -> Path:
        return self.index / "CURRENT"

    def file(self, pattern: str) -> Path:
        """The largest file of that name in the live build."""
        return max(self.live.rglob(pattern), key=lambda path: path.stat().st_size)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path, at: float = 0.5) -> None:
    """Another byte at that part of the file, which stays as long as it is."""
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * at))
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0xFF]))


def replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_bytes(GARBAGE)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HEALED: dict[str, Callable[[Data], object]] = {
    "no manifest": lambda data: (data.live / "manifest.json").unlink(),
    "half a manifest": lambda data: cut(data.live / "manifest.json"),
    "a manifest of garbage": lambda data: (data.live / "manifest.json").write_bytes(GARBAGE),
    "a manifest of something else": lambda data: (data.live / "manifest.json").write_text("{}"),
    "a list of files that is garbage": lambda data: (data.live / "files.json").write_bytes(GARBAGE),
    "no chunk records": lambda data: (data.live / "chunks.sqlite").unlink(),
    "half the chunk records": lambda data: cut(data.live / "chunks.sqlite"),
    "chunk records of garbage": lambda data: (data.live / "chunks.sqlite").write_bytes(GARBAGE),
    "empty chunk records": lambda data: (data.live / "chunks.sqlite").write_bytes(b""),
    "one byte of the chunk records": lambda data: flip(data.live / "chunks.sqlite"),
    "no shard": lambda data: shutil.rmtree(data.live / "shard"),
    "a file in the shard's place": lambda data: replace_by_file(data.live / "shard"),
    "no segment": lambda data: data.file("segment.json").unlink(),
    "half a tracker": lambda data: cut(data.file("tracker.dat")),
    "half the vectors": lambda data: cut(data.file("page_0.dat")),
    "one byte of the vectors": lambda data: flip(data.file("page_0.dat"), at=0.0001),
    "no ids": lambda data: data.file("*.mappings").unlink(),
    "no live build": lambda data: shutil.rmtree(data.live),
    "a file in the live build's place": lambda data: replace_by_file(data.live),
}
"""The live build: the one before stands in until the next ingest."""
POINTER: dict[str, Callable[[Data], object]] = {
    "CURRENT names no build": lambda data: data.current.write_text("20200101T000000Z-000000\n"),
    "CURRENT names another folder": lambda data: data.current.write_text("../../..\n"),
    "CURRENT is not ASCII": lambda data: data.current.write_bytes("Büchlein\n".encode()),
    "CURRENT is binary": lambda data: data.current.write_bytes(GARBAGE),
    "CURRENT is empty": lambda data: data.current.write_bytes(b""),
}
"""What says which build is live: the newest one is."""
FORGOTTEN: dict[str, Callable[[Data], object]] = {
    "no CURRENT": lambda data: data.current.unlink(),
    "no index": lambda data: shutil.rmtree(data.index),
}
"""As if no book had been read."""
LOST: dict[str, Callable[[Data], object]] = {
    "both builds": lambda data: [flip(path / "chunks.sqlite") for path in (data.index / "builds").iterdir()],
    "no builds": lambda data: shutil.rmtree(data.index / "builds"),
}
"""Nothing can be answered from until the next ingest."""
TOLD: dict[str, Callable[[Data], object]] = {
    "a folder in the place of CURRENT": lambda data: replace_by_folder(data.current),
    "a folder in the place of LOCK": lambda data: (replace_by_folder(data.index / "LOCK"), flip(data.live / "chunks.sqlite")),
    "a file in the builds' place": lambda data: replace_by_file(data.index / "builds"),
    "a file in the index's place": lambda data: replace_by_file(data.index),
    "an embedding cache of garbage": lambda data: (data.settings.data_dir / "vectors.sqlite").write_bytes(GARBAGE),
}
"""Somebody put something there: one sentence names it, and nothing is deleted."""
WRITTEN_ANEW = HEALED | FORGOTTEN | LOST


@pytest.fixture
async def data(tmp_path: Path) -> Data:
    book = write_book(tmp_path / "book")
    settings = settings_for(book, tmp_path / "data")
    first = (await ingest_book(settings)).report.build_id
    write_book(book, {"arms.md": PAGES["arms.md"] + "\nAnother sentence on joints.\n"})
    second = (await ingest_book(settings)).report.build_id
    return Data(settings, first, second, await live_chunks(settings))


async def answer(settings: Settings) -> tuple[str, int]:
    """Which build answers, and how many chunks are found. Raises as the index does."""
    index = open_index(settings)
    try:
        async with index.snapshot() as snapshot:
            hits = await snapshot.search(Bm25().query("inverse kinematics of the joints"), limit=5)
            return snapshot.build.id, len(hits)
    finally:
        await index.aclose()


async def ping(settings: Settings) -> None:
    index = open_index(settings)
    try:
        await index.ping()
    finally:
        await index.aclose()


def is_one_sentence(error: BaseException) -> bool:
    return "\n" not in str(error) and str(error).endswith(".") and len(str(error)) > 20


@pytest.mark.parametrize("kind", HEALED)
async def test_readers_are_answered_from_the_build_before_and_health_says_that_it_is_so(data: Data, kind: str) -> None:
    HEALED[kind](data)
    build, hits = await answer(data.settings)
    assert build == data.first
    assert hits == 1
    with pytest.raises(ServiceError) as told:
        await ping(data.settings)
    assert is_one_sentence(told.value)


@pytest.mark.parametrize("kind", POINTER)
async def test_where_nothing_says_which_build_is_live_the_newest_is_and_health_says_that_it_is_so(
    data: Data, kind: str
) -> None:
    POINTER[kind](data)
    assert (await answer(data.settings))[0] == data.second
    with pytest.raises(ServiceError) as told:
        await ping(data.settings)
    assert is_one_sentence(told.value)
    assert (await ingest_book(data.settings)).report.build_id == data.second
    await ping(data.settings)
    assert (await ingest_book(data.settings, full=True)).report.new_build


@pytest.mark.parametrize("kind", LOST)
async def test_where_no_build_is_whole_readers_and_health_are_told(data: Data, kind: str) -> None:
    LOST[kind](data)
    for ask in (answer, ping):
        with pytest.raises(ServiceError) as told:
            await ask(data.settings)
        assert is_one_sentence(told.value)


@pytest.mark.parametrize("kind", FORGOTTEN)
async def test_an_index_that_is_gone_was_never_built(data: Data, kind: str) -> None:
    FORGOTTEN[kind](data)
    with pytest.raises(NotBuiltError):
        await answer(data.settings)
    await ping(data.settings)


@pytest.mark.parametrize("kind", WRITTEN_ANEW)
async def test_the_next_ingest_writes_it_anew(data: Data, kind: str) -> None:
    WRITTEN_ANEW[kind](data)
    report = (await ingest_book(data.settings)).report
    assert report.new_build
    assert await live_chunks(data.settings) == data.chunks
    assert await answer(data.settings) == (report.build_id, 1)
    await ping(data.settings)
    assert not (await ingest_book(data.settings)).report.new_build


async def test_the_build_before_is_live_again_where_it_is_what_the_book_says(data: Data) -> None:
    write_book(Path(data.settings.book_source))
    flip(data.live / "chunks.sqlite")
    report = (await ingest_book(data.settings)).report
    assert (report.new_build, report.build_id) == (False, data.first)
    await ping(data.settings)


@pytest.mark.parametrize("kind", TOLD)
async def test_what_an_ingest_cannot_heal_is_one_sentence_and_nothing_whole_is_lost(data: Data, kind: str) -> None:
    settings = data.settings.model_copy(update={"embedding_api_key": SecretStr("key")}) if "cache" in kind else data.settings
    TOLD[kind](data)
    before = sorted(path for path in data.settings.data_dir.rglob("*"))
    with pytest.raises(LecternError) as told:
        await ingest_book(settings, full=True)
    assert is_one_sentence(told.value)
    assert set(before) <= set(data.settings.data_dir.rglob("*"))

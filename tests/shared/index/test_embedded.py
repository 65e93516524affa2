"""The embedded index: its folder, its readers in other processes, its deaths."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from shared.index.embedded.shard import Shard
from shared.index.port import Filter
from tests.conftest import REPOSITORY
from tests.support.sample_builds import make_build, make_chunks, make_vectors

WORDS = Bm25()
BOOK = make_chunks({"arm/a.md": ["Joints bend the arm.", "A gripper closes."], "b.md": ["Robots walk."]})
FIRST, SECOND = make_build(BOOK), make_build(BOOK, hour=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
async def index(root: Path) -> AsyncIterator[EmbeddedIndex]:
    index = EmbeddedIndex(root, WORDS)
    yield index
    await index.aclose()


@pytest.fixture
async def built(index: EmbeddedIndex) -> EmbeddedIndex:
    await index.publish(FIRST, BOOK, make_vectors(BOOK))
    return index


@pytest.mark.processes
@pytest.mark.parametrize("how", [[], ["revise"]], ids=["whole", "revised"])
def test_a_kill_at_any_step_of_publishing_leaves_a_whole_build_live_and_the_next_ingest_cleans_up(
    tmp_path: Path, how: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_publishing", str(tmp_path), "5", *how],
        check=False,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    attempts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(attempts) > 8, done.stderr
    assert [attempt for attempt in attempts if not (attempt["killed"] and attempt["whole"] and attempt["builds"] == 2)] == []
    assert {attempt["after"] for attempt in attempts} == {make_build(BOOK, hour=2).id}


@pytest.mark.processes
async def test_another_process_reads_records_and_vectors_of_the_build_this_one_serves(built: EmbeddedIndex, root: Path) -> None:
    ask = (
        "import asyncio, json, sys; from pathlib import Path; from shared.index.bm25 import Bm25\n"
        "from shared.index.embedded.index import EmbeddedIndex\n"
        "async def main():\n"
        "    index = EmbeddedIndex(Path(sys.argv[1]), Bm25())\n"
        "    print(json.dumps([sorted(await index.records()), await index.vectors([sys.argv[2]])]))\n"
        "asyncio.run(main())\n"
    )
    async with built.snapshot() as snapshot:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ask, str(root), BOOK[1].content_hash, cwd=REPOSITORY, stdout=subprocess.PIPE
        )
        said, _ = await child.communicate()
        assert len(await snapshot.search(WORDS.query("gripper"), limit=3)) == 1
    assert json.loads(said) == [sorted(chunk.id for chunk in BOOK), {BOOK[1].content_hash: [0.0, 1.0, 0.0, 0.0]}]


async def test_the_old_build_is_closed_when_its_last_reader_leaves_and_not_before(built: EmbeddedIndex, root: Path) -> None:
    def open_files() -> int:
        links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(f"builds/{FIRST.id}/" in str(link) for link in links)

    async with built.snapshot() as one:
        async with built.snapshot():
            await built.publish(SECOND, BOOK, make_vectors(BOOK))
            async with built.snapshot() as new:
                assert new.build.id == SECOND.id
        assert open_files() > 0
        assert len(await one.search(WORDS.query("gripper"), limit=3)) == 1
    await built.aclose()
    assert open_files() == 0


async def test_readers_of_a_deleted_build_read_on(built: EmbeddedIndex, root: Path) -> None:
    async with built.snapshot() as old:
        for hour in (1, 2):
            await built.publish(make_build(BOOK, hour=hour), BOOK, make_vectors(BOOK))
        assert not (root / "builds" / FIRST.id).exists()
        assert [hit.chunk for hit in await old.search([1.0, 0.0, 0.0, 0.0], limit=1)] == [BOOK[0]]
        assert await old.page("b.md") == [BOOK[2]]
        assert len(await old.search(WORDS.query("gripper"), limit=1, where=Filter(folders=("arm",)))) == 1


async def test_a_reader_that_is_cancelled_in_the_middle_of_a_search_harms_nobody(built: EmbeddedIndex) -> None:
    async def ask() -> None:
        async with built.snapshot() as snapshot:
            while True:
                await snapshot.search(WORDS.query("gripper"), limit=3)

    readers = [asyncio.create_task(ask()) for _ in range(8)]
    await asyncio.sleep(0)
    await built.publish(SECOND, BOOK, make_vectors(BOOK))
    for reader in readers:
        reader.cancel()
    assert all(isinstance(ended, asyncio.CancelledError) for ended in await asyncio.gather(*readers, return_exceptions=True))
    async with built.snapshot() as snapshot:
        assert snapshot.build.id == SECOND.id
        assert len(await snapshot.search(WORDS.query("gripper"), limit=3)) == 1


async def test_writing_the_name_of_the_build_before_into_current_rolls_back(built: EmbeddedIndex, root: Path) -> None:
    await built.publish(SECOND, BOOK, make_vectors(BOOK))
    (root / "CURRENT").write_text(FIRST.id)
    async with built.snapshot() as snapshot:
        assert snapshot.build == FIRST


async def test_a_second_publisher_is_told_to_wait(built: EmbeddedIndex, root: Path) -> None:
    with (root / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ServiceError, match="Another ingest is writing") as failed:
            await built.publish(SECOND, BOOK, make_vectors(BOOK))
    assert failed.value.transient
    await built.publish(SECOND, BOOK, make_vectors(BOOK))


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _files(shard: Path, pattern: str) -> list[Path]:
    found = sorted(shard.rglob(pattern))
    assert found, pattern
    return found


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no manifest": lambda build: (build / "manifest.json").unlink(),
    "half a manifest": lambda build: _truncate(build / "manifest.json"),
    "no chunk records": lambda build: (build / "chunks.sqlite").unlink(),
    "half the chunk records": lambda build: _truncate(build / "chunks.sqlite"),
    "no vectors": lambda build: shutil.rmtree(build / "shard"),
    "an engine error": lambda build: _files(build, "segment.json")[0].unlink(),
    "an engine panic": lambda build: _truncate(_files(build, "status.dat")[0]),
    "silent loss": lambda build: _files(build, "*.mappings")[0].unlink(),
    "no build": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_build_is_one_clear_error_and_the_next_publish_repairs_it(
    built: EmbeddedIndex, root: Path, damage: str
) -> None:
    DAMAGES[damage](root / "builds" / FIRST.id)
    with pytest.raises(ServiceError, match=str(root)) as failed:
        async with built.snapshot():
            pass
    assert not failed.value.transient
    assert "\n" not in str(failed.value)
    await built.publish(SECOND, BOOK, make_vectors(BOOK))
    async with built.snapshot() as snapshot:
        assert len(await snapshot.search(WORDS.query("gripper"), limit=3)) == 1


async def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    index = EmbeddedIndex(tmp_path / "file" / "index", WORDS)
    with pytest.raises(ServiceError, match=r"Cannot write to .*index: Not a directory") as failed:
        await index.publish(FIRST, BOOK, make_vectors(BOOK))
    assert failed.value.service == "disk"


async def test_nothing_blocks_the_loop(index: EmbeddedIndex) -> None:
    with blockbuster_ctx():
        await index.publish(FIRST, BOOK, make_vectors(BOOK))
        async with index.snapshot() as snapshot:
            await snapshot.search(WORDS.query("gripper"), limit=3)
            await snapshot.chunks([BOOK[0].id])
            await snapshot.page("b.md")
            await snapshot.documents()
            await index.publish(SECOND, BOOK, make_vectors(BOOK))
        async with index.snapshot():
            pass
        await index.records()
        await index.vectors([BOOK[0].content_hash])
        await index.live()
        await index.ping()
        await index.aclose()


async def test_a_ping_notices_what_happens_to_the_files_of_the_build_that_is_open(built: EmbeddedIndex, root: Path) -> None:
    await built.publish(SECOND, BOOK, make_vectors(BOOK))
    async with built.snapshot() as before:
        await built.ping()
        shutil.rmtree(root / "builds" / SECOND.id / "shard")
        with pytest.raises(ServiceError, match=f"answers come from {FIRST.id}"):
            await built.ping()
        assert len(await before.search(WORDS.query("gripper"), limit=3)) == 1
    async with built.snapshot() as snapshot:
        assert snapshot.build == FIRST
    await built.publish(make_build(BOOK, hour=2), BOOK, make_vectors(BOOK))
    await built.ping()


async def test_a_build_of_an_earlier_version_without_a_list_of_its_files_is_read(built: EmbeddedIndex, root: Path) -> None:
    (root / "builds" / FIRST.id / "files.json").unlink()
    await built.ping()
    async with built.snapshot() as snapshot:
        assert len(await snapshot.search(WORDS.query("gripper"), limit=3)) == 1


async def test_an_edit_opens_the_live_build_once_and_never_two_builds_at_a_time(
    built: EmbeddedIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await built.aclose()
    load, close, opened, still_open = Shard.load, Shard.close, list[str](), list[Shard]()

    def noted_load(path: Path) -> Shard:
        assert still_open == []
        opened.append(path.parent.name)
        still_open.append(load(path))
        return still_open[-1]

    def noted_close(shard: Shard) -> None:
        still_open.remove(shard)
        close(shard)

    monkeypatch.setattr(Shard, "load", noted_load)
    monkeypatch.setattr(Shard, "close", noted_close)
    index = EmbeddedIndex(root, WORDS)
    assert await index.live() == FIRST
    await index.prepare()
    assert await index.live() == FIRST
    await index.revise(SECOND, BOOK[2:], make_vectors(BOOK[2:]), base=FIRST, pages={"b.md"})
    assert opened == [FIRST.id, SECOND.id, SECOND.id]  # the copy, and what is on the disk of it
    await index.aclose()


async def test_an_open_build_that_was_damaged_since_is_not_taken_for_whole(built: EmbeddedIndex, root: Path) -> None:
    await built.publish(SECOND, BOOK, make_vectors(BOOK))
    assert await built.live() == SECOND
    file = next(each for each in (root / "builds" / SECOND.id / "shard").rglob("*") if each.is_file() and each.stat().st_size)
    os.truncate(file, file.stat().st_size - 1)
    await built.prepare()
    assert await built.live() == FIRST

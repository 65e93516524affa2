"""A disk that fills while a build is written: a sentence, and the build before stays live."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ServiceError
from shared.index.bm25 import Bm25
from shared.index.embedded import disk_room
from shared.index.embedded.disk_room import take_room
from shared.index.embedded.index import EmbeddedIndex
from shared.index.embedded.open_build import room_for
from tests.conftest import REPOSITORY
from tests.support.sample_builds import make_build, make_chunks, make_vectors

SMALL = make_chunks({"a.md": ["Joints bend the arm."]})
DIMENSIONS = 512
PAGES = {f"{page}.md": [f"The robot of page {page} has {joint} joints." for joint in range(10)] for page in range(200)}
LARGE = make_chunks(PAGES)
PUBLISH = """
import asyncio, sys
from pathlib import Path
from shared.errors import ServiceError
from tests.shared.index.test_full_disk import publish_large
try:
    asyncio.run(publish_large(Path(sys.argv[1])))
except ServiceError as exc:
    print(exc)
    sys.exit(1)
"""


async def publish_large(root: Path) -> None:
    """2,000 chunks: 5 MB of vectors and as much of records."""
    index = EmbeddedIndex(root, Bm25())
    await index.prepare()
    await index.publish(make_build(LARGE, hour=1, dimensions=DIMENSIONS), LARGE, make_vectors(LARGE, DIMENSIONS))
    await index.aclose()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 30 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def publish_in_a_process(disk: Path, *, left_mb: int) -> subprocess.CompletedProcess[str]:
    """Publish the large book while others leave so much of the disk; their file is gone again afterwards."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "others").write_bytes(bytes(free - left_mb * 1_000_000))
    command = [sys.executable, "-c", PUBLISH, str(disk / "index")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    (disk / "others").unlink()
    return done


@pytest.mark.processes
@pytest.mark.parametrize("left_mb", [24, 20, 18, 15, 8, 2])
async def test_a_disk_with_too_little_room_is_one_sentence_and_readers_keep_the_build_before(disk: Path, left_mb: int) -> None:
    index = EmbeddedIndex(disk / "index", Bm25())
    await index.publish(make_build(SMALL), SMALL, make_vectors(SMALL))
    done = publish_in_a_process(disk, left_mb=left_mb)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1), done.stderr
    assert str(disk / "index") in done.stdout
    async with index.snapshot() as snapshot:
        assert snapshot.build.id == make_build(SMALL).id
        assert len(await snapshot.search(Bm25().query("joints"), limit=1)) == 1
    await index.aclose()


def test_room_that_is_not_there_is_refused_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"^The index needs 1000000000000 MB more in .*\.$") as refused:
        take_room(tmp_path, 10**18).__enter__()
    assert refused.value.code == "full"
    assert list(tmp_path.iterdir()) == []


def test_room_is_taken_given_back_and_gone(tmp_path: Path) -> None:
    def taken() -> int:
        return (tmp_path / disk_room.NAME).stat().st_blocks * 512

    with take_room(tmp_path, 8_000_000) as room:
        assert taken() >= 8_000_000
        room.give_back(6_000_000)
        assert 2_000_000 <= taken() < 3_000_000
        room.give_back(6_000_000)
        assert taken() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_book_takes_no_more_room_than_was_taken_for_it(tmp_path: Path) -> None:
    asyncio.run(publish_large(tmp_path))
    (shard,) = tmp_path.glob("builds/*/shard")
    written = sum(path.stat().st_blocks * 512 for path in shard.rglob("*") if path.is_file())
    assert written < room_for(LARGE, DIMENSIONS)

"""kill -9 of an ingest at each step: the old build stays live, and the next ingest reaches the same index.

Each step is made to wait from outside: reading by its length, embedding by a model that does not answer, which planning cannot
pass either. Applying cannot be; tests/shared/index/test_embedded.py kills it at each of its own steps.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.index.open_index import open_index
from shared.models import Build, Chunk
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.book_folder import settings_for, write_book
from tests.support.openai.stand_in import StandIn

pytestmark = pytest.mark.processes

PAGES = {f"part-{n % 5}/page-{n}.md": f"# Page {n}\n\n" + f"Words of page {n}.\n\n" * 20 for n in range(150)}
EDITED = PAGES | {"part-0/page-0.md": "# Page 0\n\nOther words.\n", "new.md": "# New\n\nNew words.\n"}


@pytest.fixture
def settings(tmp_path: Path, stand_in: StandIn) -> Settings:
    return settings_for(
        write_book(tmp_path / "book", PAGES),
        tmp_path / "data",
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


@asynccontextmanager
async def ingest_process(settings: Settings) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`python -m flows ingest` with these settings; killed when left."""
    names = ("book_source", "data_dir", "embedding_base_url", "embedding_model", "embedding_dimensions")
    environment = {name.upper(): str(getattr(settings, name)) for name in names} | {"EMBEDDING_API_KEY": "key"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flows", "ingest", cwd=REPOSITORY, env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ingest(settings: Settings) -> None:
    async with ingest_process(settings) as process:
        _, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()


async def wait_for_step(process: asyncio.subprocess.Process, name: str) -> None:
    """Return when the step has been told to be over."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if line.startswith(name.encode()):
            return
    raise AssertionError(f"the ingest ended before {name}")


async def wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  the stand-in has no event for it
        await asyncio.sleep(0.02)


async def index_of(settings: Settings) -> tuple[Build | None, dict[str, Chunk], int]:
    """The live build, its chunks, and how many of them have vectors."""
    index = open_index(settings)
    try:
        chunks = await index.records()
        vectors = await index.vectors({chunk.content_hash for chunk in chunks.values()})
        return await index.live(), chunks, len(vectors)
    finally:
        await index.aclose()


async def kill_while_reading(settings: Settings, _stand_in: StandIn) -> None:
    async with ingest_process(settings) as process:
        await wait_for_step(process, "find")


async def kill_while_planning(settings: Settings, stand_in: StandIn) -> None:
    stand_in.fail("embeddings", "slow", seconds=60)
    async with ingest_process(settings) as process:
        await wait_for_step(process, "read")


async def kill_while_embedding(settings: Settings, stand_in: StandIn) -> None:
    stand_in.fail("embeddings", "slow", seconds=60)
    async with ingest_process(settings) as process:
        await wait_for_step(process, "plan")
        await wait_until(lambda: stand_in.count("embeddings") > 0)


@pytest.mark.parametrize("kill", [kill_while_reading, kill_while_planning, kill_while_embedding])
async def test_a_killed_ingest_leaves_the_old_build_and_the_next_reaches_the_same_index(
    settings: Settings, stand_in: StandIn, tmp_path: Path, kill: object
) -> None:
    await ingest(settings)
    before = await index_of(settings)
    write_book(tmp_path / "book", EDITED)
    stand_in.reset()

    await kill(settings, stand_in)  # type: ignore[operator]
    assert await index_of(settings) == before

    stand_in.reset()
    await ingest(settings)
    untouched = settings.model_copy(update={"data_dir": tmp_path / "untouched"})
    await ingest(untouched)
    (build, chunks, vectors), (expected_build, expected_chunks, expected_vectors) = (
        await index_of(settings),
        await index_of(untouched),
    )
    assert build is not None
    assert expected_build is not None
    assert (build.digest, chunks, vectors) == (expected_build.digest, expected_chunks, expected_vectors)
    assert len(list((settings.data_dir / "index" / settings.collection / "builds").iterdir())) == 2


async def test_an_ingest_killed_after_the_swap_has_done_its_work(settings: Settings, tmp_path: Path) -> None:
    await ingest(settings)
    write_book(tmp_path / "book", EDITED)
    async with ingest_process(settings) as process:
        await wait_for_step(process, "apply")
        os.kill(process.pid, signal.SIGKILL)
    after = await index_of(settings)
    assert len({chunk.path for chunk in after[1].values()}) == len(EDITED)
    await ingest(settings)
    assert await index_of(settings) == after


async def test_an_ingest_killed_while_applying_leaves_one_build_or_the_other(settings: Settings, tmp_path: Path) -> None:
    await ingest(settings)
    old = (await index_of(settings))[1]
    write_book(tmp_path / "book", EDITED)
    async with ingest_process(settings) as process:
        await wait_for_step(process, "embed")
        os.kill(process.pid, signal.SIGKILL)
    live = (await index_of(settings))[1]
    await ingest(settings)
    new = (await index_of(settings))[1]
    assert live in (old, new)
    assert len({chunk.path for chunk in new.values()}) == len(EDITED)

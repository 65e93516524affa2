"""An index moved to a server, to a file, and back: the same chunks, vectors and results, and nothing embedded."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flows.moving.commands import EMBEDDED, SERVER, back_up, migrate_index, restore
from flows.progress import ignore_progress
from shared.errors import ConfigurationError, ServiceError
from shared.index.bm25 import Bm25
from shared.index.open_index import open_index
from shared.models import Build
from shared.settings import Settings
from tests.support.book_folder import ingest_book, settings_for, write_book
from tests.support.openai.stand_in import StandIn
from tests.support.qdrant_stand_in import QdrantStandIn

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

PAGES = {f"{n}.md": f"# Robot {n}\n\nRobot {n} walks.\n\n## Arm\n\nArm {n} bends.\n" for n in range(6)}


@pytest.fixture
async def qdrant() -> AsyncIterator[QdrantStandIn]:
    async with QdrantStandIn() as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, qdrant: QdrantStandIn, stand_in: StandIn) -> Settings:
    """Of a book on a server; `embedded` has the same without one."""
    return settings_for(
        write_book(tmp_path / "book", PAGES),
        tmp_path / "data",
        qdrant_url=qdrant.url,
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


def embedded(settings: Settings) -> Settings:
    return settings.model_copy(update={"qdrant_url": None})


async def found_in(settings: Settings) -> tuple[Build, object]:
    """What is live, and what is found: by words in order (the stand-in counts its own way), by meaning with scores."""
    index = open_index(settings)
    try:
        async with index.snapshot() as snapshot:
            build = snapshot.build
            words = await snapshot.search(Bm25().query("robot arm bends 3"), limit=20)
            meaning = await snapshot.search([1.0] * (build.dimensions or 1), limit=20)
            found = [hit.chunk.id for hit in words], {hit.chunk.id: round(hit.score, 5) for hit in meaning}
            return build, (found, await index.records())
    finally:
        await index.aclose()


async def run_migrate(settings: Settings, to: str, *, replace: bool = False) -> str:
    return "\n".join(await migrate_index(settings, to=to, replace=replace, on_progress=ignore_progress))


async def run_restore(settings: Settings, file: Path, *, replace: bool = False) -> str:
    return "\n".join(await restore(settings, file, replace=replace, on_progress=ignore_progress))


async def run_backup(settings: Settings, file: Path) -> str:
    return "\n".join(await back_up(settings, file, on_progress=ignore_progress))


async def test_an_index_goes_to_a_server_and_back_and_nothing_is_embedded_again(
    settings: Settings, stand_in: StandIn, tmp_path: Path
) -> None:
    await ingest_book(embedded(settings))
    bought = stand_in.count("embeddings")
    build, found = await found_in(embedded(settings))
    told = await run_migrate(settings, SERVER)
    on_server, found_on_server = await found_in(settings)
    assert f"{build.chunks} chunks of 6 pages are live in {settings.qdrant_url} as {on_server.id}" in told
    assert found_on_server == found
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    await run_migrate(elsewhere, EMBEDDED)
    _, found_back = await found_in(embedded(elsewhere))
    assert found_back == found
    report = (await ingest_book(elsewhere)).report
    assert (report.new_build, report.build_id, stand_in.count("embeddings")) == (False, on_server.id, bought)


async def test_a_build_is_replaced_only_when_that_is_said(settings: Settings) -> None:
    await ingest_book(embedded(settings))
    await run_migrate(settings, SERVER)
    assert "live in" in await run_migrate(settings, SERVER)
    assert "nothing was done" in await run_migrate(settings, SERVER)
    write_book(Path(settings.book_source), {"0.md": "# Robot 0\n\nRobot 0 stands.\n"})
    await ingest_book(embedded(settings))
    with pytest.raises(ConfigurationError, match="is live, with 6 chunks"):
        await run_migrate(settings, SERVER)
    await run_migrate(settings, SERVER, replace=True)
    assert (await found_in(settings))[1] == (await found_in(embedded(settings)))[1]


async def test_without_a_server_or_a_build_nothing_is_moved(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="QDRANT_URL names no server"):
        await run_migrate(embedded(settings), SERVER)
    with pytest.raises(ConfigurationError, match="There is no build in"):
        await run_migrate(settings, SERVER)


@pytest.mark.parametrize("source", [SERVER, EMBEDDED])
async def test_a_backup_of_either_engine_is_restored_into_either(settings: Settings, tmp_path: Path, source: str) -> None:
    places = {SERVER: settings, EMBEDDED: embedded(settings)}
    await ingest_book(places[source])
    _, found = await found_in(places[source])
    file = tmp_path / "book.lectern.gz"
    assert str(file) in await run_backup(places[source], file)
    for number, place in enumerate(places.values()):
        fresh = place.model_copy(update={"data_dir": tmp_path / str(number), "collection": f"fresh-{number}"})
        await run_restore(fresh, file)
        assert (await found_in(fresh))[1] == found
    assert "nothing was done" in await run_restore(places[source], file)


async def test_after_edits_a_backup_brings_the_old_book_back(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "book.lectern.gz"
    await ingest_book(settings)
    _, before = await found_in(settings)
    await run_backup(settings, file)
    write_book(Path(settings.book_source), {"0.md": "# Robot 0\n\nRobot 0 stands.\n"})
    await ingest_book(settings)
    with pytest.raises(ConfigurationError, match="add --replace"):
        await run_restore(settings, file)
    await run_restore(settings, file, replace=True)
    assert (await found_in(settings))[1] == before


async def test_a_backup_that_fails_leaves_the_file_before_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "book.lectern.gz"
    await ingest_book(embedded(settings))
    await run_backup(embedded(settings), file)
    whole = file.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(gzip.GzipFile, "write", full)
        with pytest.raises(ServiceError, match="No space left"):
            await run_backup(embedded(settings), file)
    assert file.read_bytes() == whole
    assert not file.with_name(f"{file.name}.draft").exists()


async def test_what_is_no_backup_or_half_of_one_is_refused_and_the_index_stays(settings: Settings, tmp_path: Path) -> None:
    place, file = embedded(settings), tmp_path / "book.lectern.gz"
    await ingest_book(place)
    before = await found_in(place)
    await run_backup(place, file)
    whole, lines = file.read_bytes(), gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    damaged = {
        "cut": whole[: len(whole) // 2],
        "text": b"# A page",
        "empty": b"",
        "no end": gzip.compress(b"".join(lines[:-1])),
        "a chunk less": gzip.compress(b"".join([*lines[:2], *lines[3:]])),
        "another word": gzip.compress(b"".join(lines).replace(b"walks", b"talks")),
        "another format": gzip.compress(b'{"lectern":99}\n'),
    }
    for name, content in damaged.items():
        file.write_bytes(content)
        with pytest.raises(ConfigurationError, match="cannot be restored"):
            await run_restore(place, file, replace=True)
        assert await found_in(place) == before, name
    with pytest.raises(ConfigurationError, match="cannot be restored: No such file"):
        await run_restore(place, tmp_path / "nowhere.gz")

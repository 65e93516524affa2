"""An ingest after few pages changed: what it reads, what it writes, and that the index is what a fresh ingest makes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flows.pipeline import ingest, plan_ingest
from shared.errors import BookError
from shared.index.bm25 import Bm25
from shared.index.open_index import open_index
from shared.ingest_runs import PageEdit
from shared.models import Build, Tally
from shared.settings import Settings
from tests.support.book_folder import ingest_book, live_chunks, settings_for, write_book
from tests.support.openai.stand_in import StandIn
from tests.support.qdrant_stand_in import QdrantStandIn

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")

PAGES = {f"part{n % 3}/{n}.md": f"# Robot {n}\n\nRobot {n} walks.\n\n## Arm\n\nArm {n} bends.\n" for n in range(100)}
QUESTIONS = ("robot", "arm bends", "gyroscope", "robot 7")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book", PAGES)


@pytest.fixture(params=["embedded", "server"])
async def settings(request: pytest.FixtureRequest, book: Path, tmp_path: Path, stand_in: StandIn) -> AsyncIterator[Settings]:
    async with QdrantStandIn() as qdrant:
        yield settings_for(
            book,
            tmp_path / "data",
            qdrant_url=qdrant.url if request.param == "server" else None,
            embedding_base_url=stand_in.base_url,
            embedding_api_key="key",
            embedding_model="bag-of-words",
            embedding_dimensions=stand_in.dimensions,
        )


def edit(book: Path) -> None:
    """A page that changed, a new one, and one that is gone."""
    write_book(book, {"part1/7.md": "# Robot 7\n\nRobot 7 has a gyroscope.\n", "new.md": "# New\n\nA robot is new.\n"})
    (book / "part2/8.md").unlink()


async def contents(settings: Settings) -> tuple[Build | None, dict[str, list[tuple[str, float]]]]:
    """The live build, and what is found in it."""
    index = open_index(settings)
    words = Bm25()
    try:
        async with index.snapshot() as snapshot:
            found = {question: await snapshot.search(words.query(question), limit=100) for question in QUESTIONS}
            return await index.live(), {
                question: [(hit.chunk.id, round(hit.score, 5)) for hit in hits] for question, hits in found.items()
            }
    finally:
        await index.aclose()


async def test_after_an_edit_the_index_is_what_a_fresh_ingest_makes(book: Path, settings: Settings, tmp_path: Path) -> None:
    await ingest_book(settings)
    edit(book)
    revised = await ingest_book(settings)
    assert (revised.report.files, revised.report.embedded) == (Tally(added=1, changed=1, kept=98, removed=1), 2)
    assert {chunk.path for chunk in revised.chunks} == {"part1/7.md", "new.md"}
    again = await ingest_book(settings)
    assert (again.report.new_build, again.report.files) == (False, Tally(kept=100))
    fresh = settings.model_copy(update={"data_dir": tmp_path / "fresh", "qdrant_url": None})
    whole = await ingest_book(fresh)
    assert whole.plan.digest == revised.plan.digest
    assert await live_chunks(settings) == await live_chunks(fresh)
    build, found = await contents(settings)
    expected, expected_found = await contents(fresh)
    assert build is not None
    assert expected is not None
    assert (build.digest, build.documents, build.chunks) == (expected.digest, expected.documents, expected.chunks)
    if settings.qdrant_url is None:
        assert found == expected_found
    else:  # the chunks that went count until the next publish where words are weighed by how rare they are
        assert {q: {id_ for id_, _ in hits} for q, hits in found.items()} == {
            q: {id_ for id_, _ in hits} for q, hits in expected_found.items()
        }


async def test_a_page_that_was_emptied_goes_though_a_plan_has_read_it_before(book: Path, settings: Settings) -> None:
    await ingest_book(settings)
    write_book(book, {"part1/7.md": "\n"})
    await plan_ingest(settings)
    assert (await ingest_book(settings)).report.files == Tally(kept=99, removed=1)
    assert "part1/7.md" not in {chunk.path for chunk in (await live_chunks(settings)).values()}


async def test_where_much_changed_a_whole_build_is_written(book: Path, settings: Settings) -> None:
    await ingest_book(settings)
    write_book(book, {path: f"{text}\nIt has a gyroscope.\n" for path, text in list(PAGES.items())[:20]})
    changed = await ingest_book(settings)
    assert changed.report.files == Tally(changed=20, kept=80)
    assert len({chunk.path for chunk in changed.chunks}) == 100


async def test_an_edit_of_one_page_sends_a_server_only_that(book: Path, tmp_path: Path) -> None:
    async with QdrantStandIn() as qdrant:
        settings = settings_for(book, tmp_path / "data", qdrant_url=qdrant.url, embedding_model="none")
        await ingest_book(settings)
        written, qdrant.points_written = qdrant.points_written, 0
        write_book(book, {"part1/7.md": "# Robot 7\n\nRobot 7 has a gyroscope.\n"})
        await ingest_book(settings)
        assert qdrant.points_written < 10 < written


async def test_a_page_is_edited_without_reading_the_others(book: Path, settings: Settings) -> None:
    await ingest_book(settings)
    text = "# Robot 7\n\nRobot 7 has a gyroscope.\n"
    edited = await ingest(settings, edit=PageEdit(path="part1/7.md", action="write", markdown=text))
    assert edited.report.files == Tally(changed=1, kept=99)
    assert {chunk.path for chunk in edited.chunks} == {"part1/7.md"}
    chunks = await live_chunks(settings)
    assert {chunk.path for chunk in chunks.values()} == set(PAGES)
    assert any("gyroscope" in chunk.text for chunk in chunks.values())


async def test_a_build_that_went_live_meanwhile_is_not_written_over(
    book: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingest_book(settings)
    edit(book)
    from flows import pipeline

    read = pipeline.read_book

    async def slowly(*given: object, **named: object) -> object:
        found = await read(*given, **named)  # type: ignore[arg-type]
        monkeypatch.setattr(pipeline, "read_book", read)
        await ingest_book(settings, full=True)
        return found

    monkeypatch.setattr(pipeline, "read_book", slowly)
    with pytest.raises(BookError, match="Another build went live while the book was read"):
        await ingest_book(settings)

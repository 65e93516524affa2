"""The steps together: what an ingest leaves behind, and what it does not buy again."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from flows.pipeline import PLAIN_STEPS, Steps, ingest, plan_ingest
from shared.embedding.local_embeddings import NAME
from shared.errors import BookError, ServiceError
from shared.index.open_index import open_index
from shared.models import Build, Chunk, Progress, Tally
from shared.settings import Settings
from tests.support.book_folder import PAGES, ingest_book, live_chunks, settings_for, write_book
from tests.support.openai.stand_in import StandIn
from tests.support.qdrant_stand_in import QdrantStandIn


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book")


@pytest.fixture
def lexical(book: Path, tmp_path: Path) -> Settings:
    return settings_for(book, tmp_path / "data")


@pytest.fixture
def dense(book: Path, tmp_path: Path, stand_in: StandIn) -> Settings:
    return settings_for(
        book,
        tmp_path / "data",
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


async def live_build(settings: Settings) -> Build | None:
    index = open_index(settings)
    try:
        return await index.live()
    finally:
        await index.aclose()


async def test_a_book_read_for_the_first_time_is_live_with_every_page(lexical: Settings) -> None:
    report = (await ingest_book(lexical)).report
    chunks = await live_chunks(lexical)
    assert {chunk.path for chunk in chunks.values()} == set(PAGES)
    assert (report.files, report.new_build) == (Tally(added=3), True)
    build = await live_build(lexical)
    assert build is not None
    assert (build.id, build.documents, build.chunks) == (report.build_id, 3, len(chunks))


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")
async def test_what_a_live_build_on_a_server_has_lost_is_written_anew(book: Path, tmp_path: Path) -> None:
    async with QdrantStandIn() as qdrant:
        settings = settings_for(book, tmp_path / "data", qdrant_url=qdrant.url)
        first = (await ingest_book(settings)).report
        assert not (await ingest_book(settings)).report.new_build
        name = f"{settings.collection}-{first.build_id}"
        lost = next(iter(await live_chunks(settings)))
        those = models.Filter(must=[models.FieldCondition(key="id", match=models.MatchValue(value=lost))])
        await qdrant.engine.delete(name, models.FilterSelector(filter=those))
        again = (await ingest_book(settings)).report
        assert (again.new_build, again.chunks.added) == (True, 1)
        assert lost in await live_chunks(settings)


async def test_an_unchanged_book_makes_no_new_build(lexical: Settings) -> None:
    first = (await ingest_book(lexical)).report
    again = (await ingest_book(lexical)).report
    assert (again.new_build, again.build_id, again.files) == (False, first.build_id, Tally(kept=3))


async def test_a_full_ingest_makes_one_and_leaves_the_same_chunks(lexical: Settings) -> None:
    first = (await ingest_book(lexical)).report
    before = await live_chunks(lexical)
    again = (await ingest_book(lexical, full=True)).report
    assert again.new_build
    assert again.build_id != first.build_id
    assert await live_chunks(lexical) == before


async def test_a_removed_file_is_removed_from_the_index(book: Path, lexical: Settings) -> None:
    await ingest_book(lexical)
    (book / "arms.md").unlink()
    assert (await ingest_book(lexical)).report.files == Tally(kept=2, removed=1)
    assert "arms.md" not in {chunk.path for chunk in (await live_chunks(lexical)).values()}


async def test_a_file_that_cannot_be_read_is_reported_and_the_rest_is_live(book: Path, lexical: Settings) -> None:
    (book / "broken.md").write_bytes(b"# One\n\ncaf\xe9\n")
    report = (await ingest_book(lexical)).report
    assert [(problem.path, problem.line, problem.skipped) for problem in report.problems] == [("broken.md", 3, True)]
    assert {chunk.path for chunk in (await live_chunks(lexical)).values()} == set(PAGES)


async def test_a_book_without_any_text_is_an_error_and_leaves_the_index_as_it_was(book: Path, lexical: Settings) -> None:
    await ingest_book(lexical)
    before = await live_chunks(lexical)
    write_book(book, dict.fromkeys(PAGES, ""))
    with pytest.raises(BookError, match="hold no text"):
        await ingest_book(lexical)
    assert await live_chunks(lexical) == before


async def test_a_book_of_drafts_says_why_there_is_nothing(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", {"a.md": "---\ndraft: true\n---\n\n# A\n"})
    with pytest.raises(BookError, match=r"is to be indexed: 'a\.md': "):
        await ingest_book(settings_for(book, tmp_path / "data"))


async def test_a_book_most_of_which_is_gone_leaves_the_index_as_it_was_unless_it_is_meant(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", {f"{n}.md": f"# Page {n}\n\nText of page {n}.\n" for n in range(6)})
    settings = settings_for(book, tmp_path / "data")
    await ingest_book(settings)
    for n in range(4):
        (book / f"{n}.md").unlink()
    with pytest.raises(BookError, match="4 of the 6 files in the index are no longer in the book"):
        await ingest_book(settings)
    assert len(await live_chunks(settings)) == 6
    assert (await ingest_book(settings, full=True)).report.files == Tally(kept=2, removed=4)


async def test_every_text_is_embedded_once_and_an_unchanged_book_asks_for_nothing(dense: Settings, stand_in: StandIn) -> None:
    report = (await ingest_book(dense)).report
    assert report.embedded == len(await live_chunks(dense))
    stand_in.seen.clear()
    again = (await ingest_book(dense)).report
    assert (again.embedded, again.new_build) == (0, False)
    assert list(stand_in.seen) == []


async def test_editing_one_paragraph_embeds_one_chunk(book: Path, dense: Settings) -> None:
    await ingest_book(dense)
    (book / "intro.md").write_text(PAGES["intro.md"].replace("acts", "acts at once"))
    assert (await ingest_book(dense)).report.embedded == 1


async def test_renaming_a_file_embeds_nothing(book: Path, dense: Settings, stand_in: StandIn) -> None:
    await ingest_book(dense)
    stand_in.seen.clear()
    (book / "arms.md").rename(book / "part" / "limbs.md")
    assert (await ingest_book(dense)).report.files == Tally(added=1, kept=2, removed=1)
    assert list(stand_in.seen) == []


async def test_vectors_bought_before_a_failure_are_not_bought_again(
    dense: Settings, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.embedding.embed.MAX_BATCH_INPUTS", 1)
    monkeypatch.setattr("flows.embedding.embed.REQUESTS_AT_ONCE", 1)
    stand_in.fail("embeddings", "no_usage")  # the first request is answered
    stand_in.fail("embeddings", "insufficient_quota")
    with pytest.raises(ServiceError):
        await ingest_book(dense)
    assert await live_build(dense) is None
    assert (await ingest_book(dense)).report.embedded == len(await live_chunks(dense)) - 1


async def test_a_new_book_of_many_texts_is_searched_by_words_until_it_has_its_vectors(
    dense: Settings, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.pipeline.MOST_TEXTS_AWAITED", 1)
    stand_in.fail("embeddings", "insufficient_quota")
    with pytest.raises(ServiceError):
        await ingest_book(dense)
    words = await live_build(dense)
    assert words is not None
    assert (words.embedding_model, words.dimensions, words.chunks) == (None, None, len(await live_chunks(dense)))
    report = (await ingest_book(dense)).report
    build = await live_build(dense)
    assert build is not None
    assert (report.new_build, build.embedding_model, build.chunks) == (True, "bag-of-words", words.chunks)


@pytest.mark.usefixtures("local_model")
async def test_without_a_key_a_book_is_embedded_in_this_process_and_costs_nothing(lexical: Settings) -> None:
    report = (await ingest_book(lexical)).report
    assert (report.embedded, report.cost_usd, report.embedding_model) == (len(await live_chunks(lexical)), 0.0, NAME)
    again = (await ingest_book(lexical)).report
    assert (again.embedded, again.new_build) == (0, False)


async def test_a_plan_says_what_would_be_embedded_and_does_nothing(dense: Settings, stand_in: StandIn) -> None:
    book, plan = await plan_ingest(dense)
    assert len(plan.to_embed) == len(book.chunks) > 0
    assert plan.tokens > 0
    assert list(stand_in.seen) == []
    assert await live_build(dense) is None


async def test_of_an_indexed_book_a_plan_embeds_nothing(dense: Settings) -> None:
    await ingest_book(dense)
    assert (await plan_ingest(dense))[1].to_embed == ()


async def test_a_key_added_later_makes_a_new_build_with_vectors(book: Path, lexical: Settings, dense: Settings) -> None:
    await ingest_book(lexical)
    report = (await ingest_book(dense)).report
    assert report.new_build
    build = await live_build(dense)
    assert build is not None
    assert build.embedding_model == "bag-of-words"


async def test_the_steps_that_are_given_are_run_in_order_and_those_there_is_nothing_to_do_for_are_not(dense: Settings) -> None:
    ran: list[str] = []

    def noted(name: str) -> Any:
        async def run(*given: Any, **named: Any) -> Any:
            ran.append(name)
            return await getattr(PLAIN_STEPS, name)(*given, **named)

        return run

    steps = Steps(**{field.name: noted(field.name) for field in fields(Steps) if field.default is not None})
    await ingest(dense, steps=steps)
    assert ran == ["find", "read", "plan", "embed", "apply", "report"]
    ran.clear()
    await ingest(dense, steps=steps)
    assert ran == ["find", "plan", "report"]


async def test_at_the_end_every_step_is_done(lexical: Settings) -> None:
    heard: list[Progress] = []
    await ingest(lexical, on_progress=heard.append)
    assert {step.state for step in heard[-1].steps} == {"done"}


async def test_ten_ingests_leave_the_same_ids(lexical: Settings) -> None:
    ids: list[set[str]] = []
    for _ in range(10):
        await ingest_book(lexical, full=True)
        ids.append(set(await live_chunks(lexical)))
    assert all(each == ids[0] for each in ids)


async def test_of_the_real_book_every_span_is_its_text(real_book: Path, tmp_path: Path) -> None:
    settings = settings_for(real_book, tmp_path)
    await ingest_book(settings)
    chunks: list[Chunk] = list((await live_chunks(settings)).values())
    texts = {path: (real_book / path).read_bytes().decode("utf-8-sig") for path in {chunk.path for chunk in chunks}}
    assert [chunk.path for chunk in chunks if texts[chunk.path][chunk.start : chunk.end] != chunk.text] == []
    assert len(texts) == 22

"""One page edited: what is live afterwards, what is bought for it, and what the next ingest leaves of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from flows.pipeline import PLAIN_STEPS, Outcome, ingest
from shared.errors import BookError, ServiceError
from shared.ingest_runs import MAX_PAGE_BYTES, PageEdit
from shared.models import Chunk, Tally
from shared.settings import Settings
from tests.support.book_folder import PAGES, ingest_book, live_chunks, settings_for, write_book
from tests.support.openai.stand_in import StandIn

LEGS = "part/legs.mdx"
NEW_LEGS = PAGES[LEGS].replace("A gait repeats.", "A gait repeats itself twice a second.")


@pytest.fixture
def settings(tmp_path: Path, stand_in: StandIn) -> Settings:
    return settings_for(
        write_book(tmp_path / "book"),
        tmp_path / "data",
        site_url="https://example.github.io",
        embedding_base_url=stand_in.base_url,
        embedding_api_key="key",
        embedding_model="bag-of-words",
        embedding_dimensions=stand_in.dimensions,
    )


async def edit(settings: Settings, action: Literal["write", "read", "remove"], path: str, text: str | None = None) -> Outcome:
    return await ingest(settings, edit=PageEdit(action=action, path=path, markdown=text))


async def pages(settings: Settings) -> dict[str, list[Chunk]]:
    found: dict[str, list[Chunk]] = {}
    for chunk in (await live_chunks(settings)).values():
        found.setdefault(chunk.path, []).append(chunk)
    return found


async def test_a_page_that_is_written_is_live_and_the_others_are_as_they_were(settings: Settings, stand_in: StandIn) -> None:
    first = (await ingest_book(settings)).report
    before = await pages(settings)
    bought = sum(len(seen.inputs) for seen in stand_in.seen)
    report = (await edit(settings, "write", LEGS, NEW_LEGS)).report
    after = await pages(settings)
    assert "twice a second" in after[LEGS][0].text
    assert after[LEGS][0].url == before[LEGS][0].url
    assert {path: chunks for path, chunks in after.items() if path != LEGS} == {
        path: chunks for path, chunks in before.items() if path != LEGS
    }
    assert (report.new_build, report.files, report.embedded) == (True, Tally(changed=1, kept=2), 1)
    assert report.build_id != first.build_id
    assert sum(len(seen.inputs) for seen in stand_in.seen) == bought + 1


async def test_the_next_ingest_puts_a_page_back_as_the_source_has_it_and_the_report_says_so(settings: Settings) -> None:
    await ingest_book(settings)
    before = await pages(settings)
    assert (await edit(settings, "write", LEGS, NEW_LEGS)).report.kept_by_next_ingest is False
    added = (await edit(settings, "write", "part/arms.md", "# New\n\nA page of its own.\n")).report
    assert (added.kept_by_next_ingest, added.files.added) == (False, 1)
    assert (await edit(settings, "remove", "intro.md")).report.kept_by_next_ingest is False
    assert set(await pages(settings)) == {"arms.md", LEGS, "part/arms.md"}
    await ingest_book(settings)
    assert await pages(settings) == before


async def test_an_edit_that_the_source_has_too_is_kept(settings: Settings) -> None:
    await ingest_book(settings)
    book = Path(settings.book_source)
    (book / LEGS).write_text(NEW_LEGS, encoding="utf-8")
    (book / "intro.md").unlink()
    written = (await edit(settings, "write", LEGS, NEW_LEGS)).report
    removed = (await edit(settings, "remove", "intro.md")).report
    assert (written.kept_by_next_ingest, removed.kept_by_next_ingest) == (True, True)
    assert (await ingest_book(settings)).report.new_build is False


async def test_one_page_is_read_again_from_the_source(settings: Settings) -> None:
    await ingest_book(settings)
    book = write_book(Path(settings.book_source), {LEGS: NEW_LEGS, "intro.md": "# Other\n\nNot asked for.\n"})
    report = (await edit(settings, "read", LEGS)).report
    found = await pages(settings)
    assert report.kept_by_next_ingest is True
    assert "twice a second" in found[LEGS][0].text
    assert "Not asked for" not in found["intro.md"][0].text
    again = (await edit(settings, "read", LEGS)).report
    assert (again.new_build, again.embedded) == (False, 0)
    assert book.is_dir()


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (("write", "node_modules/a.md", "# A\n\nText.\n"), "BOOK_EXCLUDE leave it out"),
        (("write", "draft.md", "---\ndraft: true\n---\n\nText.\n"), "cannot be indexed"),
        (("write", LEGS, "<!-- nothing -->\n"), "it holds no text"),
        (("read", "nowhere.md", None), "There is no page 'nowhere.md'"),
        (("read", "outside.md", None), "There is no page 'outside.md'"),
    ],
)
async def test_what_can_be_no_page_leaves_the_live_build_as_it_was(
    settings: Settings, tmp_path: Path, how: tuple[Any, str, str | None], reason: str
) -> None:
    await ingest_book(settings)
    (tmp_path / "outside.md").write_text("# Outside\n\nA secret.\n")
    (Path(settings.book_source) / "outside.md").symlink_to(tmp_path / "outside.md")
    before = await live_chunks(settings)
    with pytest.raises(BookError, match=reason):
        await edit(settings, *how)
    assert await live_chunks(settings) == before


async def test_without_a_build_or_with_one_of_other_settings_no_page_is_edited(settings: Settings) -> None:
    with pytest.raises(BookError, match="No book is indexed yet"):
        await edit(settings, "write", LEGS, NEW_LEGS)
    await ingest_book(settings)
    with pytest.raises(BookError, match="other settings"):
        await edit(settings.model_copy(update={"embedding_model": "none"}), "write", LEGS, NEW_LEGS)


async def test_the_last_page_is_not_taken_out(settings: Settings) -> None:
    await ingest_book(settings)
    for path in ("intro.md", "arms.md"):
        await edit(settings, "remove", path)
    with pytest.raises(BookError, match="no page would be left"):
        await edit(settings, "remove", LEGS)
    assert set(await pages(settings)) == {LEGS}


async def test_an_ingest_that_went_live_meanwhile_is_not_undone(settings: Settings) -> None:
    await ingest_book(settings)
    find = PLAIN_STEPS.find

    async def find_while_another_ingests(given: Settings) -> Any:
        write_book(Path(given.book_source), {"intro.md": "# Robots\n\nNewer.\n"})
        await ingest_book(given)
        return await find(given)

    with pytest.raises(BookError, match="Another build went live"):
        await ingest(
            settings,
            edit=PageEdit(action="write", path=LEGS, markdown=NEW_LEGS),
            steps=replace(PLAIN_STEPS, find=find_while_another_ingests),
        )
    assert "Newer" in (await pages(settings))["intro.md"][0].text


async def test_an_edit_that_fails_on_its_way_leaves_the_live_build_as_it_was(settings: Settings, stand_in: StandIn) -> None:
    await ingest_book(settings)
    before = await live_chunks(settings)
    stand_in.fail("embeddings", "unauthorized")
    with pytest.raises(ServiceError):
        await edit(settings, "write", LEGS, NEW_LEGS)
    assert await live_chunks(settings) == before


@pytest.mark.parametrize(
    "path",
    ["", "/etc/a.md", "../a.md", "a/../../b.md", "a//b.md", "./a.md", "a\\b.md", "a\n.md", "a.txt", "a", "x" * 300 + ".md"],
)
def test_a_path_that_is_none_inside_the_book_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="inside the book"):
        PageEdit(action="remove", path=path)


TOO_LONG = "é" * (MAX_PAGE_BYTES // 2 + 1)


@pytest.mark.parametrize(
    ("action", "markdown"), [("write", None), ("read", "x"), ("remove", "x"), ("write", "a\0b"), ("write", TOO_LONG)]
)
def test_only_what_is_written_has_a_text_and_none_too_long(action: Any, markdown: str | None) -> None:
    with pytest.raises(ValidationError, match="Markdown"):
        PageEdit(action=action, path="a.md", markdown=markdown)

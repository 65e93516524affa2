"""What an ingest has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from flows.plan import Plan, check_vanished, digest, make_plan
from shared.errors import BookError
from shared.models import Chunk, Tally
from tests.support.sample_builds import make_chunks


def by_id(chunks: Sequence[Chunk]) -> dict[str, Chunk]:
    return {chunk.id: chunk for chunk in chunks}


def count_words(text: str) -> int:
    return len(text.split())


def plan(new: Mapping[str, Sequence[str]], old: Mapping[str, Sequence[str]], **options: object) -> Plan:
    return make_plan(make_chunks(new), by_id(make_chunks(old)), **options)  # type: ignore[arg-type]


def changes(found: Plan) -> dict[str, str]:
    return {each.path: each.change for each in found.changes}


BOOK = {"a.md": ["one", "two"], "b.md": ["three"]}


def test_of_a_new_book_everything_is_added() -> None:
    found = plan(BOOK, {})
    assert (found.files, found.chunks) == (Tally(added=2), Tally(added=3))
    assert changes(found) == {"a.md": "added", "b.md": "added"}


def test_of_an_unchanged_book_everything_is_kept() -> None:
    found = plan(BOOK, BOOK)
    assert (found.files, found.chunks) == (Tally(kept=2), Tally(kept=3))


def test_a_text_that_went_and_one_that_came_under_the_same_heading_are_one_changed_chunk() -> None:
    found = plan(BOOK | {"a.md": ["one", "TWO"]}, BOOK)
    assert (found.files, found.chunks) == (Tally(changed=1, kept=1), Tally(changed=1, kept=2))


def test_a_file_that_is_gone_is_removed_with_its_chunks() -> None:
    found = plan({"b.md": ["three"]}, BOOK)
    assert (found.files, found.chunks) == (Tally(kept=1, removed=1), Tally(kept=1, removed=2))


def test_a_renamed_file_is_one_added_and_one_removed() -> None:
    found = plan({"a.md": ["one", "two"], "c.md": ["three"]}, BOOK)
    assert changes(found) == {"a.md": "kept", "b.md": "removed", "c.md": "added"}


def test_a_file_whose_chunks_only_moved_is_changed_and_they_are_kept() -> None:
    live = by_id(make_chunks({"a.md": ["one"]}))
    moved = [chunk.model_copy(update={"start": 5, "end": 8}) for chunk in live.values()]
    found = make_plan(moved, live)
    assert (found.files, found.chunks) == (Tally(changed=1), Tally(kept=1))


def test_searched_by_words_only_nothing_is_embedded() -> None:
    found = plan(BOOK, {})
    assert (found.to_embed, found.tokens, found.cost_usd) == ((), 0, 0.0)


def test_every_text_without_a_vector_is_embedded_once() -> None:
    new = {"a.md": ["same words", "other"], "b.md": ["same words"]}
    found = plan(new, {}, held=set(), count=count_words, model="text-embedding-3-small")
    assert [(chunk.path, chunk.text) for chunk in found.to_embed] == [("a.md", "same words"), ("a.md", "other")]
    assert found.tokens == 3
    assert found.cost_usd == pytest.approx(3 * 0.02 / 1_000_000)


def test_a_text_whose_vector_is_held_is_not_embedded_wherever_it_stands_now() -> None:
    held = {chunk.content_hash for chunk in make_chunks(BOOK)}
    found = plan({"renamed.md": ["one", "two"], "b.md": ["three"]}, BOOK, held=held, count=count_words)
    assert found.to_embed == ()


def test_the_cost_of_a_model_without_a_known_price_is_not_known() -> None:
    assert plan(BOOK, {}, held=set(), count=count_words, model="home-made").cost_usd is None


def test_the_digest_does_not_hang_on_the_order_of_the_chunks() -> None:
    chunks = make_chunks(BOOK)
    assert digest(reversed(chunks)) == digest(chunks)


def test_the_digest_tells_any_change_of_a_record() -> None:
    chunks = make_chunks(BOOK)
    assert digest([chunks[0].model_copy(update={"url": "/elsewhere"}), *chunks[1:]]) != digest(chunks)


FIVE = {f"{n}.md": [f"text {n}"] for n in range(5)}


def test_a_book_most_of_which_is_gone_is_an_error() -> None:
    left = make_chunks({"0.md": ["text 0"], "1.md": ["text 1"]})
    with pytest.raises(BookError, match=r"3 of the 5 files .* '2\.md' among them; .* ingest with --full\."):
        check_vanished(left, by_id(make_chunks(FIVE)))


@pytest.mark.parametrize(
    "new",
    [
        {f"{n}.md": [f"text {n}"] for n in range(3)},
        {f"part/{n}.md": [f"text {n}"] for n in range(5)},
        {f"{n}.md": ["rewritten", f"all of {n}"] for n in range(5)},
    ],
    ids=["some files removed", "all files renamed", "all files rewritten"],
)
def test_editing_is_no_error(new: dict[str, list[str]]) -> None:
    check_vanished(make_chunks(new), by_id(make_chunks(FIVE)))


def test_a_book_of_three_pages_may_lose_two() -> None:
    three = {name: FIVE[name] for name in list(FIVE)[:3]}
    check_vanished(make_chunks({"0.md": ["text 0"]}), by_id(make_chunks(three)))


def test_a_first_ingest_has_nothing_to_lose() -> None:
    check_vanished(make_chunks(BOOK), {})

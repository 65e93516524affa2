"""What must be quoted with a piece for it to be understood."""

from __future__ import annotations

from server.models.quoting.question_kind import QuestionKind
from server.models.quoting.sentences import read_quotables
from server.models.quoting.widening import MAX_ITEMS, widen
from tests.support.fakes import make_chunk

PLAIN = QuestionKind(frozenset())
STEPS = QuestionKind(frozenset(), wants_steps=True)
CODE = QuestionKind(frozenset(), wants_code=True)


def quoted(text: str, *chosen: int, question: QuestionKind = PLAIN) -> list[list[str]]:
    runs = widen(read_quotables(make_chunk(text)), chosen, question)
    return [[piece.text for piece in run] for run in runs]


def test_pieces_that_follow_each_other_are_one_run() -> None:
    assert quoted("Aa. Bb. Cc. Dd.", 0, 1, 3) == [["Aa.", "Bb."], ["Dd."]]


def test_a_sentence_that_leans_back_brings_its_neighbour_in_the_same_paragraph_only() -> None:
    assert quoted("Arms bend. They hurt.", 1) == [["Arms bend.", "They hurt."]]
    assert quoted("Arms bend. They hurt.", 0) == [["Arms bend.", "They hurt."]]
    assert quoted("Arms bend.\n\nThey hurt.", 1) == [["They hurt."]]


def test_a_colon_brings_the_list_behind_it_as_far_as_it_is_short() -> None:
    items = [f"- Item {n}" for n in range(20)]
    assert quoted("Robots have:\n\n" + "\n".join(items), 0) == [["Robots have:", *items[:MAX_ITEMS]]]


def test_a_colon_brings_small_headings_with_their_lists() -> None:
    text = "Robots have:\n\n## Arms\n\n- Left\n\n## Legs\n\n- Right\n\nEnd."
    assert quoted(text, 0) == [["Robots have:", "Arms", "- Left", "Legs", "- Right"]]


def test_code_comes_with_its_announcement_only_where_it_is_asked_for() -> None:
    text = "Run this:\n\n```\nx\n```\n\nEnd."
    assert quoted(text, 0) == [["Run this:"]]
    assert quoted(text, 0, question=CODE) == [["Run this:", "```\nx\n```"]]
    assert quoted(text, 1, question=CODE) == [["Run this:", "```\nx\n```"]]


def test_several_items_bring_their_announcement_and_a_full_sentence_alone_does_not() -> None:
    text = "Robots have:\n\n- Arms that bend in many ways\n- Legs"
    assert quoted(text, 1) == [["- Arms that bend in many ways"]]
    assert quoted(text, 1, 2) == [["Robots have:", "- Arms that bend in many ways", "- Legs"]]
    assert quoted(text, 2) == [["Robots have:"], ["- Legs"]]


def test_one_step_brings_the_walk_from_its_first_step_to_the_next_prose() -> None:
    text = "Before.\n\n1. One\n\n```\na\n```\n\n2. Two\n\n```\nb\n```\n\nAfter."
    assert quoted(text, 3, question=STEPS) == [["1. One", "```\na\n```", "2. Two", "```\nb\n```"]]


def test_a_walk_ends_where_it_gets_long() -> None:
    text = "\n".join(f"{n}. " + "word " * 60 for n in range(1, 20))
    ((*steps,),) = quoted(text, 5, question=STEPS)
    assert steps[0].startswith("1. ")
    assert len(steps) < 8


def test_a_row_brings_its_header_and_the_header_its_rows() -> None:
    text = "| A | B |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |"
    assert quoted(text, 2) == [["| A | B |", "| 3 | 4 |"]]
    assert quoted(text, 0) == [["| A | B |", "| 1 | 2 |", "| 3 | 4 |"]]

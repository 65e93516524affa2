"""Questions with the places that answer them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.evaluation.metrics import Gold, Span
from flows.evaluation.questions import Answer, EvaluationQuestion, find_gold, read_questions
from shared.errors import BookError

TEXT = "# Arms\n\nAn arm is a chain\nof links.\n"


def ask(*gold: Answer, any_page: bool = False) -> EvaluationQuestion:
    return EvaluationQuestion(id="1", question="What is an arm?", gold=gold, any=any_page)


def gold_of(question: EvaluationQuestion, text: str = TEXT) -> Gold:
    gold = find_gold(question, {"arms.md": text}.get)
    assert gold
    return gold


def write(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_questions_are_read_with_what_the_author_adds_ignored(tmp_path: Path) -> None:
    line = {"id": 7, "question": "What is an arm?", "gold": [{"path": "arms.md", "link": "x"}], "quiz": "Arms", "any": True}
    (question,) = read_questions(write(tmp_path, line, "", "  "))
    assert question == EvaluationQuestion(id="7", question="What is an arm?", gold=(Answer(path="arms.md"),), any=True)


def test_a_question_whose_answer_nobody_knows_is_left_out(tmp_path: Path) -> None:
    lines = [{"id": "1", "question": "Why?"}, {"id": "2", "question": "How?", "gold": [{"path": "a.md"}]}]
    assert [question.id for question in read_questions(write(tmp_path, *lines))] == ["2"]


def test_a_question_the_book_does_not_answer_is_kept_and_has_no_gold(tmp_path: Path) -> None:
    lines = [{"id": "1", "question": "Who won?", "gold": []}, {"id": "2", "question": "How?", "gold": [{"path": "a.md"}]}]
    assert [question.id for question in read_questions(write(tmp_path, *lines))] == ["1", "2"]
    assert find_gold(ask(), {"arms.md": TEXT}.get) is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['{"id": "1"'], r"questions.jsonl:1 is not one JSON object"),
        (["[1]"], "questions.jsonl:1"),
        ([{"id": "1", "question": ""}], "questions.jsonl:1: 'question'"),
        ([{"id": "1", "question": "Why?", "gold": [{}]}], r"questions.jsonl:1: 'gold.0.path'"),
        ([{"id": "1", "question": "a"}, {"id": "1", "question": "b"}], "questions.jsonl:2: a second question has the id '1'"),
        ([{"id": "1", "question": "Why?"}], "no question with an answer"),
        (["[" * 100_000], "questions.jsonl:1 is not one JSON object"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: list[object], said: str) -> None:
    with pytest.raises(BookError, match=said):
        read_questions(write(tmp_path, *lines))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")


def test_gold_is_found_by_offsets_by_text_and_by_page() -> None:
    assert gold_of(ask(Answer(path="arms.md", start=8, end=14))).spans == (Span("arms.md", 8, 14),)
    assert gold_of(ask(Answer(path="arms.md", text="An arm"))).spans == (Span("arms.md", 8, 14),)
    assert gold_of(ask(Answer(path="arms.md"), any_page=True)) == Gold(("arms.md",), (), any_page=True)


def test_text_is_found_whatever_its_white_space() -> None:
    (span,) = gold_of(ask(Answer(path="arms.md", text=" a chain of   links."))).spans
    assert TEXT[span.start : span.end] == "a chain\nof links."


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(path="legs.md"), "no page 'legs.md'"),
        (Answer(path="arms.md", text="A leg walks."), "does not say 'A leg walks.'"),
        (Answer(path="arms.md", start=5, end=999), "no characters 5 to 999"),
    ],
)
def test_an_answer_that_is_not_in_the_book_is_named(answer: Answer, said: str) -> None:
    with pytest.raises(BookError, match=said):
        gold_of(ask(answer))

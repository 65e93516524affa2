"""Questions with the places that answer them: read from a file, found in the book."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError

from flows.evaluation.metrics import Gold, Span
from shared.errors import BookError
from shared.models import Frozen

_SPACE = re.compile(r"\s+")


class Answer(Frozen):
    """Where a question is answered: a page, and if it is known the text, or its character offsets in the file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    text: str | None = None
    start: int | None = None
    end: int | None = None


class EvaluationQuestion(Frozen):
    """One line of a question file; fields not named here are the author's own."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str
    question: str = Field(min_length=1)
    gold: tuple[Answer, ...] | None = None
    """Empty: the book does not answer it, and the search should say so. None: nobody knows, and the question is left out."""
    any: bool = False
    """One of the pages is enough."""
    holds: tuple[tuple[str, ...], ...] = ()
    """What a satisfying answer holds: every phrase of one of these. Empty: its answer is not looked at."""


def read_questions(path: Path) -> list[EvaluationQuestion]:
    """The questions of a JSON-lines file whose gold is known. Raises `BookError` naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise BookError(f"The questions {str(path)!r} cannot be read: {exc}.") from exc
    questions: dict[str, EvaluationQuestion] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        question = _parse(line, f"{path}:{number}")
        if question.id in questions:
            raise BookError(f"{path}:{number}: a second question has the id {question.id!r}.")
        questions[question.id] = question
    known = [question for question in questions.values() if question.gold is not None]
    if not any(question.gold for question in known):
        raise BookError(f"{str(path)!r} holds no question with an answer ('gold').")
    return known


def find_gold(question: EvaluationQuestion, read: Callable[[str], str | None]) -> Gold | None:
    """The question's answers as spans of the book; None where it has none.

    `read`: a file's text by its path, None where there is no such file.

    Raises `BookError` when a page, or a text said to be on it, is not there: such a question could never be found.
    """
    if not question.gold:
        return None
    pages = tuple(dict.fromkeys(answer.path for answer in question.gold))
    spans = tuple(span for answer in question.gold if (span := _span(answer, question, read)))
    return Gold(pages, spans, any_page=question.any)


def _parse(line: str, where: str) -> EvaluationQuestion:
    try:
        return EvaluationQuestion.model_validate(json.loads(line))
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BookError(f"{where}: {field!r}: {first['msg'].lower()}.") from exc
    except (ValueError, RecursionError) as exc:
        raise BookError(f"{where} is not one JSON object.") from exc


def _span(answer: Answer, question: EvaluationQuestion, read: Callable[[str], str | None]) -> Span | None:
    text = read(answer.path)
    if text is None:
        raise BookError(f"Question {question.id!r}: the book has no page {answer.path!r}.")
    if answer.start is not None and answer.end is not None:
        if not 0 <= answer.start < answer.end <= len(text):
            raise BookError(f"Question {question.id!r}: {answer.path!r} has no characters {answer.start} to {answer.end}.")
        return Span(answer.path, answer.start, answer.end)
    if not answer.text or not answer.text.strip():
        return None
    found = _find(answer.text.strip(), text)
    if found is None:
        raise BookError(f"Question {question.id!r}: {answer.path!r} does not say {answer.text.strip()[:60]!r}.")
    return Span(answer.path, *found)


def _find(wanted: str, text: str) -> tuple[int, int] | None:
    """Where a text stands, whatever its white space."""
    start = text.find(wanted)
    if start >= 0:
        return start, start + len(wanted)
    places = [index for index, character in enumerate(text) if not character.isspace()]
    squeezed = _SPACE.sub("", wanted)
    at = "".join(text[index] for index in places).find(squeezed)
    return (places[at], places[at + len(squeezed) - 1] + 1) if at >= 0 else None

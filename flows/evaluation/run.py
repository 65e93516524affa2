"""One evaluation, as it is saved, shown and compared with."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from flows.evaluation.metrics import Scores
from shared.errors import BookError
from shared.models import Frozen


class FoundPlace(Frozen):
    """One result of one question."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    start: int
    end: int
    url: str
    score: float


class QuestionResult(Frozen):
    """One question, what was found, and how good that is."""

    id: str
    question: str
    results: tuple[FoundPlace, ...]
    support: float
    """How likely the book holds the answer, as the search judged it."""
    scores: dict[str, float]


class EvaluationRun(Frozen):
    """One evaluation, as it is saved and compared with."""

    name: str
    created_at: datetime
    embedding_model: str | None
    """None: by words only."""
    chunk_tokens: int
    chunks: int
    questions: tuple[QuestionResult, ...]

    @property
    def scores(self) -> dict[str, Scores]:
        """By question."""
        return {asked.id: dict(asked.scores) for asked in self.questions}


def read_run(path: Path) -> EvaluationRun:
    """A saved run. Raises `BookError`."""
    try:
        return EvaluationRun.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as exc:
        raise BookError(f"{str(path)!r} is no saved evaluation.") from exc

"""What is kept of a question for those who write the book: without who asked it, where, and in which conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from server.answering.answer_log import FROM_THE_BOOK
from server.answering.events import CitedSource, cite
from server.answering.progress import AnswerProgress
from shared.models import Frozen


class BookSection(Frozen):
    """A section of the book, as a citation names it."""

    title: str
    """Of its page."""
    section: str
    url: str


class AskedQuestion(Frozen):
    """A question to the book, and what became of it."""

    question: str
    abstained: bool
    """It was told that the book does not say."""
    answerable: bool
    """The search took the book to hold the answer."""
    cited: tuple[BookSection, ...]
    nearest: BookSection | None
    """What was found first."""
    rating: Literal["up", "down"] | None = None
    created_at: datetime


def question_asked(question: str, answer: AnswerProgress, at: datetime) -> AskedQuestion | None:
    """What to keep of a question whose answer is over; None: it was none to the book, or its answer failed."""
    found, done = answer.passages, answer.done
    if found is None or done is None or done.finish_reason == "error" or answer.mode not in FROM_THE_BOOK:
        return None
    nearest = _section(cite(found.passages[0])) if found.passages else None
    return AskedQuestion(
        question=question,
        abstained=done.abstained,
        answerable=found.answerable,
        cited=tuple(dict.fromkeys(map(_section, done.sources))),
        nearest=nearest,
        created_at=at,
    )


def _section(source: CitedSource) -> BookSection:
    return BookSection(title=source.title, section=source.section, url=source.url)

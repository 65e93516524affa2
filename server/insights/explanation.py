"""Why an answer says what it says: what was searched for and found, what became of it, the prompt, tokens and times. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.answering.events import Usage
from server.conversations.followed import FollowedAnswer
from server.finding.passages import Passage
from server.finding.trail import Trail
from server.questions import Turn
from shared.models import Frozen

MS = 1000


class AnswerLine(Frozen):
    """An answer, in a list of them."""

    message_id: str
    request_id: str
    asked_at: datetime
    book: str
    """Name of the book among several; '' for the only one."""
    question: str
    mode: str
    """`chat`, `selection`, `small_talk` or `unread`."""
    is_over: bool


class FollowedList(Frozen):
    """The last answers, newest first."""

    answers: tuple[AnswerLine, ...]


class GivenPassage(Frozen):
    """A passage as the model was given it."""

    n: int
    title: str
    heading_path: tuple[str, ...]
    url: str
    score: float
    """0 to 1; comparable within one answer only."""
    tokens: int
    cited: bool


class PromptPart(Frozen):
    """A message of the prompt."""

    role: str
    content: str


class StepTime(Frozen):
    """A piece of work, named as in the traces."""

    name: str
    began_ms: float
    """After the question came."""
    took_ms: float


class Explanation(AnswerLine):
    """Why an answer says what it says."""

    history: tuple[Turn, ...]
    """What was said before."""
    selected_text: str | None
    page_url: str | None
    query: str
    """What was searched for; '' where nothing was."""
    answerable: bool | None
    """The search took the book to hold the answer; None: nothing was searched."""
    support: float | None
    build_id: str | None
    trail: Trail | None
    """Each search with the places it ranked, and what became of them; None: the answer was given again, or nothing searched."""
    passages: tuple[GivenPassage, ...]
    model: str
    """Who answered; '' where nobody was asked."""
    prompt: tuple[PromptPart, ...]
    """What a model upstream was sent; empty where none took it: quotations need none."""
    answer: str
    """As it was told so far."""
    cached: bool
    """It is an earlier one, given again."""
    given_first: str | None
    """The message id of that one."""
    finish_reason: str | None
    """None: it is on its way, or its reader left."""
    abstained: bool
    degraded: bool
    """Quoted for want of the model or of budget."""
    error: str | None
    usage: Usage | None
    """None: nothing was paid for."""
    retrieve_s: float | None
    ttft_s: float | None
    """To the first word."""
    total_s: float | None
    steps: tuple[StepTime, ...]
    """By when they began."""


def as_line(followed: FollowedAnswer) -> AnswerLine:
    """What a list says of it."""
    return AnswerLine(**_line(followed))


def explain(followed: FollowedAnswer) -> Explanation:
    """All there is to tell of it by now."""
    answer, request = followed.answer, followed.request
    found, done = answer.passages, answer.done
    return Explanation(
        **_line(followed),
        history=request.history,
        selected_text=request.selected_text,
        page_url=request.page_url,
        query=found.query if found else "",
        answerable=found.answerable if found else None,
        support=found.support if found else None,
        build_id=found.build_id if found else None,
        trail=found.trail if found else None,
        passages=_given(found.passages, done.cited if done else ()) if found else (),
        model=answer.model,
        prompt=tuple(PromptPart(role=message["role"], content=message["content"]) for message in answer.prompt),
        answer=answer.text,
        cached=answer.is_cached,
        given_first=answer.given_first or None,
        finish_reason=done.finish_reason if done else None,
        abstained=done.abstained if done else False,
        degraded=done.degraded if done else False,
        error=answer.failed.error if answer.failed else None,
        usage=answer.usage(),
        retrieve_s=answer.retrieve_s,
        ttft_s=answer.ttft_s,
        total_s=answer.total_s,
        steps=_steps(followed),
    )


def _line(followed: FollowedAnswer) -> dict[str, Any]:
    answer = followed.answer
    return {
        "message_id": answer.ids.message_id,
        "request_id": answer.ids.request_id,
        "asked_at": followed.at,
        "book": followed.book,
        "question": followed.request.question,
        "mode": answer.mode,
        "is_over": answer.is_logged,
    }


def _given(passages: Sequence[Passage], cited: Sequence[int]) -> tuple[GivenPassage, ...]:
    return tuple(
        GivenPassage(
            n=one.n,
            title=one.chunk.title,
            heading_path=one.heading_path,
            url=one.url,
            score=one.score,
            tokens=one.chunk.tokens,
            cited=one.n in cited,
        )
        for one in passages
    )


def _steps(followed: FollowedAnswer) -> tuple[StepTime, ...]:
    began = followed.answer.began
    return tuple(
        StepTime(name=name, began_ms=round(MS * (start - began), 2), took_ms=round(MS * (end - start), 2))
        for name, start, end in sorted(followed.steps, key=lambda step: (step.began, -step.ended))
    )

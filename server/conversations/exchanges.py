"""What is kept of a conversation, whatever keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from server.answering.events import CitedSource
from server.answering.progress import AnswerProgress
from server.conversations.questions_asked import AskedQuestion, question_asked
from server.http.requests import MAX_TURN_CHARS
from server.questions import ChatRequest, Turn
from shared.models import Frozen

MAX_ANSWER_CHARS = 64_000


def _storable(text: str) -> str:
    """Without what Postgres refuses: NUL, and half of a surrogate pair that an upstream cut in two."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


Storable = Annotated[str, AfterValidator(_storable)]


class Exchange(Frozen):
    """One question and what was said to it."""

    conversation_id: str
    message_id: str
    question: Storable
    answer: Storable
    sources: tuple[CitedSource, ...]
    """Those cited."""
    abstained: bool
    finish_reason: Literal["stop", "length", "error", "reader_left"]
    """`error`, `reader_left`: the answer is as long as it was when it ended."""
    model: str
    """Who answered; '' for a greeting."""
    created_at: datetime
    """When the answer ended, UTC."""
    user_id: Storable | None = None
    """Who the front end says asked; never trusted."""
    asked: AskedQuestion | None = Field(default=None, exclude=True)
    """What is kept of it for insights; None: nothing, and when it is read back."""

    @property
    def turns(self) -> tuple[Turn, Turn]:
        """As a later question is told of it."""
        return Turn(role="user", content=self.question), Turn(role="assistant", content=self.answer[:MAX_TURN_CHARS])


def exchange_of(
    request: ChatRequest, answer: AnswerProgress, conversation_id: str, *, keep_question: bool = False
) -> Exchange | None:
    """What to keep of an answer that is over, as far as it was said; None: not a word was."""
    if not (said := answer.text.strip()):
        return None
    now = datetime.now(UTC)
    done = answer.done or answer.make_done(degraded=False, is_broken=True)
    return Exchange(
        conversation_id=conversation_id,
        message_id=answer.ids.message_id,
        question=request.question,
        answer=said[:MAX_ANSWER_CHARS],
        sources=done.sources,
        abstained=done.abstained,
        finish_reason=done.finish_reason if answer.done else "reader_left",
        model=answer.model,
        created_at=now,
        user_id=request.user_id,
        asked=question_asked(request.question, answer, now) if keep_question else None,
    )


class Rating(Frozen):
    """What a reader thinks of an answer; the last word counts."""

    message_id: str
    rating: Literal["up", "down"]
    reason: Storable
    created_at: datetime


class StoredExchange(Frozen):
    """An exchange as it is read back."""

    n: int
    """Counts up with time, over all conversations."""
    exchange: Exchange
    rating: Literal["up", "down"] | None = None
    reason: str = ""

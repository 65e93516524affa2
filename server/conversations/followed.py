"""The last answers with all they were made of, for an author who asks why: in the memory of this process and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cachetools import TTLCache

from server.answering.progress import AnswerProgress
from server.questions import ChatRequest
from shared.settings import Settings
from shared.tracing import TimedStep, time_steps

KEEP_S = 3600.0


@dataclass(frozen=True, slots=True)
class FollowedAnswer:
    """An answer, on its way or over."""

    at: datetime
    """When it was asked for."""
    book: str
    """Name of the book among several; '' for the only one."""
    request: ChatRequest
    answer: AnswerProgress
    steps: Sequence[TimedStep]
    """The pieces of work that have ended."""


class FollowedAnswers:
    """The last `most` answers, none of them for longer than `KEEP_S`; each takes about 100 kB."""

    def __init__(self, most: int = 0) -> None:
        """`most` 0: none."""
        self._most = most
        self._answers: TTLCache[str, FollowedAnswer] = TTLCache(max(most, 1), KEEP_S)

    def follow(self, request: ChatRequest, answer: AnswerProgress, book: str) -> None:
        """Follow an answer from here on, within the context it is made in."""
        if self._most:
            followed = FollowedAnswer(datetime.now(UTC), book, request, answer, time_steps())
            self._answers[answer.ids.message_id] = followed

    def find(self, name: str) -> FollowedAnswer | None:
        """The answer of this message id, or the last one of this request id."""
        return self._answers.get(name) or next((one for one in self.latest() if one.answer.ids.request_id == name), None)

    def latest(self) -> list[FollowedAnswer]:
        """All of them, newest first."""
        return sorted(self._answers.values(), key=lambda one: one.at, reverse=True)

    def forget(self, conversation_id: str) -> None:
        """Let go of what was asked in a conversation."""
        for followed in self.latest():
            if followed.answer.ids.conversation_id == conversation_id:
                self._answers.pop(followed.answer.ids.message_id, None)


def follow_answers(settings: Settings) -> FollowedAnswers:
    """As the settings say; none where nobody could ask for them."""
    may_be_read = settings.admin_api_key or settings.jwt_secret or settings.jwt_jwks
    return FollowedAnswers(settings.explain_answers if may_be_read else 0)

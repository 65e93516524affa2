"""What one answer has come to so far: its text, its citations, its time and its cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.answering.events import Done, Usage, cite
from server.answering.suggestions import suggest
from server.finding.passages import Passages
from server.models.chat_model import Accepted, Finished
from server.models.citations import Citations
from shared.pricing import price_usd


class AnswerProgress:
    """Follows one answer from output to output."""

    def __init__(self, passages: Passages, *, clock: Callable[[], float], deadline_s: float) -> None:
        """`clock`: monotonic seconds."""
        self._passages = passages
        self._clock = clock
        self._began = clock()
        self._deadline = self._began + deadline_s
        self._first: float | None = None
        self._accepted: Accepted | None = None
        self._finished: Finished | None = None
        self._paid = ""
        self._deltas = 0
        self.begin("")

    def begin(self, model: str) -> None:
        """A model starts to answer, from nothing."""
        self.model = model
        """Who is answering."""
        self._citations = Citations([passage.n for passage in self._passages.passages])
        self._finished = None
        self.has_said = False
        """Whether the reader has seen a word."""

    @property
    def left_s(self) -> float:
        """Seconds to the deadline."""
        return max(0.0, self._deadline - self._clock())

    def accept(self, accepted: Accepted) -> None:
        """The model took the request."""
        self._accepted, self._paid = accepted, self.model

    def hear(self, delta: str) -> str:
        """What of a delta the reader may see now."""
        self._deltas += 1
        return self._see(self._citations.feed(delta))

    def finish(self, finished: Finished | None = None) -> str:
        """What was held back, once the model has finished or broken off."""
        self._finished = finished
        return self._see(self._citations.close())

    def usage(self) -> Usage | None:
        """What was paid for; None when no model upstream took the request.

        Where the model did not say, the prompt is what was counted here, and a delta counts as a token.
        """
        if self._accepted is None:
            return None
        said = self._finished if self.model == self._paid else None
        prompt = said.prompt_tokens if said and said.prompt_tokens is not None else self._accepted.prompt_tokens
        completion = said.completion_tokens if said and said.completion_tokens is not None else self._deltas
        return Usage(prompt_tokens=prompt, completion_tokens=completion, cost_usd=price_usd(self._paid, prompt, completion))

    def done(self, session_id: str, message_id: str, *, degraded: bool, failed: bool) -> Done:
        """The last event."""
        cited = self._citations.cited
        by_number = {passage.n: passage for passage in self._passages.passages}
        reason = "error" if failed else "length" if self._finished and self._finished.reason == "length" else "stop"
        return Done(
            session_id=session_id,
            message_id=message_id,
            finish_reason=reason,
            abstained=self._citations.abstained,
            degraded=degraded,
            cited=cited,
            sources=tuple(cite(by_number[n]) for n in cited),
            suggestions=suggest(self._passages.passages, cited),
            usage=self.usage(),
            metadata=self._times(),
        )

    def _see(self, text: str) -> str:
        if not self.has_said and text.strip():
            self.has_said = True
            self._first = self._clock()
        return text

    def _times(self) -> dict[str, Any]:
        times: dict[str, Any] = {"model": self.model, "total_time": round(self._clock() - self._began, 3)}
        if self._first is not None:
            times["ttft"] = round(self._first - self._began, 3)
        return times

"""One answer on its way: what was sent of it, what it says and cites, what it takes and costs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from server.answering.events import AnswerIds, ChatEvent, Done, Failed, Sources, Start, TextDelta, Usage, cite
from server.answering.suggestions import suggest
from server.finding.passages import Passages
from server.models.chat_model import Accepted, Finished
from server.models.citations import Citations
from server.models.prompts import ChatMessage
from shared.pricing import price_usd


class Cause(NamedTuple):
    """Why an answer ends before its time."""

    code: str
    """Stable snake_case name."""
    message: str
    """One sentence a reader can be shown."""
    retryable: bool = True


STOPPED = Cause(code="", message="")
"""The reader wants no more of it: no failure, so nothing to tell."""


async def _at_once() -> None:
    pass


class AnswerProgress:
    """Follows one answer from its question to its `Done`.

    Whoever makes the events tells it what the model does (`begin`, `accept`, `read`, `finish`); whoever passes them on to the
    reader tells it of each (`note`). So it can end the answer at any moment, with all that an ending has to say.
    """

    def __init__(self, ids: AnswerIds, *, mode: str = "chat", clock: Callable[[], float] = time.monotonic) -> None:
        """`mode`: `chat` or `selection`, until `Start` says what it became. `clock`: monotonic seconds."""
        self.ids = ids
        self.mode = mode
        self.asked = ""
        """The model the question was put to; '' when to none."""
        self.model = ""
        """Who is answering."""
        self.passages: Passages | None = None
        """What was found; None: nothing yet, or there is no book."""
        self.retrieve_s: float | None = None
        """From the question to what was found."""
        self.ttft_s: float | None = None
        """From the question to the first word."""
        self.total_s: float | None = None
        """From the question to the last event."""
        self.failed: Failed | None = None
        self.done: Done | None = None
        """The last event, once it was passed on."""
        self.has_text = False
        """Whether the model has said a word."""
        self.deltas: list[str] = []
        """What the model said, markers and all."""
        self.is_cached = False
        """Given again: nothing was searched and no model was asked."""
        self.given_first = ""
        """The message id it had when it was new; '' where it is new, or nobody knows."""
        self.is_logged = False
        self.is_remembered = False
        self.when_done: Callable[[], None] | None = None
        """Called before the reader is told `Done`: what they ask next may rest on it."""
        self.settle: Callable[[], Awaitable[None]] = _at_once
        """Awaited before the reader is told `Done`, and after `when_done`: what they were told is kept."""
        self._clock = clock
        self.began = clock()
        """When the question came, by the clock."""
        self._sent: set[str] = set()
        self._said: list[str] = []
        self._citations = Citations([])
        self._accepted: Accepted | None = None
        self._finished: Finished | None = None
        self._paid_model = ""
        self._paid_deltas = 0

    @property
    def prompt(self) -> Sequence[ChatMessage]:
        """What a model upstream was sent; empty where none took the request."""
        return self._accepted.prompt if self._accepted else ()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the question, in milliseconds' precision."""
        return round(self._clock() - self.began, 3)

    @property
    def text(self) -> str:
        """What the reader was told so far."""
        return "".join(self._said)

    def retrieved(self, passages: Passages | None) -> None:
        """The search is over."""
        self.passages, self.retrieve_s = passages, self.elapsed_s

    def begin(self, model: str, passages: Passages) -> None:
        """A model starts to answer, from nothing."""
        self.model, self.passages = model, passages
        self._citations = Citations([passage.n for passage in passages.passages])
        self._finished = None
        self.has_text = False
        self.deltas = []

    def accept(self, accepted: Accepted) -> None:
        """The model took the request."""
        self._accepted, self._paid_model = accepted, self.model

    def read(self, delta: str) -> str:
        """What of a delta the reader may see now."""
        self._paid_deltas += 1
        self.deltas.append(delta)
        return self._seen(self._citations.feed(delta))

    def finish(self, finished: Finished | None = None) -> str:
        """What was held back, once the model has finished or broken off."""
        self._finished = finished
        return self._seen(self._citations.close())

    def note_all(self, events: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        """These events, up to `Done`, go to the reader."""
        for count, event in enumerate(events, 1):
            self.note(event)
            if self.done is not None:
                return events[:count]
        return events

    def note(self, event: ChatEvent) -> None:
        """An event goes to the reader."""
        if isinstance(event, TextDelta):
            self._said.append(event.content)
            if event.type in self._sent:
                return  # one per token
            if self.ttft_s is None:
                self.ttft_s = self.elapsed_s
        self._sent.add(event.type)
        match event:
            case Start():
                self.mode = event.metadata.get("mode", self.mode)
                self.asked = event.metadata.get("model", "")
            case Failed():
                self.failed = event
            case Done():
                self.done, self.total_s = event, self.elapsed_s
                if self.when_done is not None:
                    self.when_done()
            case _:
                pass

    def ending(self, cause: Cause) -> list[ChatEvent]:
        """Everything from here to `Done`, with an error; a reader who has no text yet gets the message as text too.

        Of an answer that its reader stopped, only what no answer lacks.
        """
        ids = self.ids
        events: list[ChatEvent] = [
            Start(session_id=ids.session_id, message_id=ids.message_id, metadata={"mode": self.mode} | ids.metadata),
            Sources(sources=()),
            TextDelta(cause.message),
            Failed(error=cause.code, message=cause.message, retryable=cause.retryable, request_id=ids.request_id),
        ]
        is_stopped = cause is STOPPED
        missing = [event for event in events[: 2 if is_stopped else None] if event.type not in self._sent]
        return [*missing, self.make_done(degraded=False, is_broken=not is_stopped, is_stopped=is_stopped)]

    def make_done(
        self, *, degraded: bool, reason: str | None = None, is_broken: bool = False, is_stopped: bool = False
    ) -> Done:
        """The last event. `reason`: why it is `degraded`: `budget` or `model`."""
        passages = self.passages.passages if self.passages else ()
        cited = self._citations.cited
        by_number = {passage.n: passage for passage in passages}
        metadata: dict[str, Any] = {"model": self.model, "total_time": self.elapsed_s} if self.model else {}
        if self.model and self.ttft_s is not None:
            metadata["ttft"] = self.ttft_s
        if self.is_cached:
            metadata["cached"] = True
        if is_stopped:
            metadata["stopped"] = True
        if reason is not None:
            metadata["reason"] = reason
        is_cut = self._finished is not None and self._finished.reason == "length"
        finish_reason = "length" if is_cut else "stop"
        return Done(
            session_id=self.ids.session_id,
            message_id=self.ids.message_id,
            finish_reason="error" if is_broken else finish_reason,
            abstained=self._citations.abstained,
            degraded=degraded,
            cited=cited,
            sources=tuple(cite(by_number[n]) for n in cited),
            suggestions=suggest(passages, cited) if self.model else (),
            usage=self.usage(),
            metadata=metadata,
        )

    def usage(self) -> Usage | None:
        """What was paid for; None when no model upstream took the request.

        Where the model did not say, the prompt is what was counted here, and a delta counts as a token.
        """
        if self._accepted is None:
            return self.done.usage if self.done else None
        said = self._finished if self.model == self._paid_model else None
        prompt = said.prompt_tokens if said and said.prompt_tokens is not None else self._accepted.prompt_tokens
        completion = said.completion_tokens if said and said.completion_tokens is not None else self._paid_deltas
        cost_usd = price_usd(self._paid_model, prompt, completion)
        return Usage(prompt_tokens=prompt, completion_tokens=completion, cost_usd=cost_usd)

    def _seen(self, text: str) -> str:
        if not self.has_text and text.strip():
            self.has_text = True
            self.ttft_s = self.elapsed_s
        return text

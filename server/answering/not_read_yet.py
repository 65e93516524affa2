"""What a reader hears while the book has not been read yet: an answer, not an error."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.answering.events import AnswerIds, ChatEvent, Done, Sources, Start, TextDelta
from shared.models import Progress, Step, StepName

_DOING: dict[StepName, str] = {
    "find": "looking for its pages",
    "read": "reading its pages",
    "plan": "working out what is new",
    "embed": "making it searchable",
    "apply": "writing the index",
    "report": "finishing",
}


async def answer_not_read_yet(ids: AnswerIds, progress: Progress | None) -> AsyncGenerator[ChatEvent]:
    """The events of an answer that says so, with how far the reading is where that is known."""
    metadata = {"mode": "unread", "retrieved_chunks": 0}
    yield Start(session_id=ids.session_id, message_id=ids.message_id, metadata=metadata)
    yield Sources(sources=())
    yield TextDelta(content=describe_reading(progress))
    yield Done(session_id=ids.session_id, message_id=ids.message_id, finish_reason="stop", abstained=True, metadata=metadata)


def describe_reading(progress: Progress | None) -> str:
    """One or two friendly sentences."""
    steps = progress.steps if progress else ()
    current = next((step for step in steps if step.state == "running"), None)
    doing = f" Right now I am {_DOING[current.name]}{_count(current)}." if current else ""
    return f"The book has not been read yet, so I cannot answer from it.{doing} Please ask again in a moment."


def _count(step: Step) -> str:
    return f" ({step.done} of {step.total} {step.unit})".replace(" )", ")") if step.total else ""

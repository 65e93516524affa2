"""What a reader is told while the book has not been read yet: an answer, not an error."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.answering.events import AnswerIds, ChatEvent, Done, Sources, Start, TextDelta
from server.status.health import FirstReading
from shared.models import Step, StepName

_DOING: dict[StepName, str] = {
    "find": "looking for its pages",
    "read": "reading its pages",
    "plan": "working out what is new",
    "embed": "making it searchable",
    "apply": "writing the index",
    "report": "finishing",
}


async def answer_not_read_yet(ids: AnswerIds, reading: FirstReading) -> AsyncGenerator[ChatEvent]:
    """The events of an answer that says so, with how far the reading is where that is known."""
    metadata = {"mode": "unread", "retrieved_chunks": 0}
    yield Start(session_id=ids.session_id, message_id=ids.message_id, metadata=metadata)
    yield Sources(sources=())
    yield TextDelta(describe_reading(reading))
    yield Done(session_id=ids.session_id, message_id=ids.message_id, finish_reason="stop", abstained=True, metadata=metadata)


def describe_reading(reading: FirstReading) -> str:
    """Two or three friendly sentences; they promise nothing that nobody is about to do."""
    text = "The book has not been read yet, so I cannot answer from it."
    if not reading.is_expected:
        return f"{text} Nothing is reading it right now; whoever runs this service can see why at /health."
    steps = reading.progress.steps if reading.progress else ()
    current = next((step for step in steps if step.state == "running"), None)
    now = f" Right now I am {_DOING[current.name]}{_count(current)}." if current else ""
    return f"{text}{now} Please ask again in a moment."


def _count(step: Step) -> str:
    return f" ({step.done} of {step.total} {step.unit})".replace(" )", ")") if step.total else ""

"""What a reader is told while the book has not been read yet: an answer, not an error."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.answering.events import AnswerIds, ChatEvent, whole_answer
from server.status.health import FirstReading
from shared.models import StepName

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
    for event in whole_answer(ids, describe_reading(reading), mode="unread", abstained=True):
        yield event


def describe_reading(reading: FirstReading) -> str:
    """Two or three friendly sentences; they promise nothing that nobody is about to do."""
    text = "The book has not been read yet, so I cannot answer from it."
    if not reading.is_expected:
        return f"{text} Nothing is reading it right now; whoever runs this service can see why at /health."
    steps = reading.progress.steps if reading.progress else ()
    current = next((step for step in steps if step.state == "running"), None)
    if current:
        count = f"{current.done} of {current.total} {current.unit}".strip()
        text += f" Right now I am {_DOING[current.name]}" + (f" ({count})." if current.total else ".")
    return f"{text} Please ask again in a moment."

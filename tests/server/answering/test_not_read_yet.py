from __future__ import annotations

from server.answering.events import AnswerIds
from server.answering.not_read_yet import answer_not_read_yet, describe_reading
from server.status.health import FirstReading
from shared.models import Progress, Step


async def test_a_book_that_is_being_read_gives_an_abstained_answer() -> None:
    events = [event async for event in answer_not_read_yet(AnswerIds("s", "m", "r"), FirstReading(is_expected=True))]
    assert [event.type for event in events] == ["start", "sources", "chunk", "done"]
    assert events[-1].model_dump()["abstained"] is True


def reading(*steps: Step) -> FirstReading:
    return FirstReading(is_expected=True, progress=Progress(steps=steps))


def test_nobody_is_asked_to_come_back_in_a_moment_when_nothing_reads() -> None:
    text = describe_reading(FirstReading(is_expected=False))
    assert "in a moment" not in text
    assert "/health" in text


def test_it_says_how_far_the_reading_is() -> None:
    read = Step(name="read", state="done", done=22, total=22, unit="files")
    embed = Step(name="embed", state="running", done=120, total=340, unit="chunks")
    assert describe_reading(reading(read, embed)) == (
        "The book has not been read yet, so I cannot answer from it. "
        "Right now I am making it searchable (120 of 340 chunks). Please ask again in a moment."
    )
    assert describe_reading(reading(Step(name="find", state="running"))) == (
        "The book has not been read yet, so I cannot answer from it. "
        "Right now I am looking for its pages. Please ask again in a moment."
    )
    assert describe_reading(reading(read)) == describe_reading(FirstReading(is_expected=True))

from __future__ import annotations

import asyncio

from server.answering.resume import KEEP_S, MAX_ANSWERS, MAX_BYTES, RecentAnswers, Recording


async def read(recording: Recording, after: int) -> list[bytes]:
    return [frame async for frame in recording.follow(after)]


async def test_the_frames_after_an_id_are_given_again() -> None:
    recording = RecentAnswers().record("k")
    for frame in (b"a", b"b", b"c"):
        recording.append(frame)
    recording.finish()
    assert recording.next_id == 4
    assert await read(recording, 1) == [b"b", b"c"]
    assert await read(recording, 0) == [b"a", b"b", b"c"]
    assert await read(recording, 99) == []


async def test_a_follower_hears_what_still_comes() -> None:
    recording = RecentAnswers().record("k")
    recording.append(b"a")
    following = asyncio.create_task(read(recording, 0))
    await asyncio.sleep(0)
    recording.append(b"b")
    await asyncio.sleep(0)
    recording.finish()
    assert await following == [b"a", b"b"]


def test_only_the_same_question_of_the_same_reader_is_found() -> None:
    replay = RecentAnswers()
    recording = replay.record(replay.key("1.1.1.1", "/chat", None, b"{}"))
    assert replay.find(replay.key("1.1.1.1", "/chat", None, b"{}")) is recording
    assert replay.find(replay.key("2.2.2.2", "/chat", None, b"{}")) is None
    assert replay.find(replay.key("1.1.1.1", "/chat", "s", b"{}")) is None


def test_answers_are_forgotten_after_minutes_and_when_there_are_too_many() -> None:
    now = [0.0]
    replay = RecentAnswers(clock=lambda: now[0])
    replay.record("old")
    now[0] = KEEP_S
    assert replay.find("old") is None
    for n in range(MAX_ANSWERS + 1):
        replay.record(f"{n}")
    assert replay.find("0") is None
    assert replay.find(f"{MAX_ANSWERS}") is not None


def test_an_answer_too_long_to_keep_cannot_be_taken_up_again() -> None:
    replay = RecentAnswers()
    recording = replay.record("k")
    recording.append(b"x" * MAX_BYTES)
    assert replay.find("k") is recording
    recording.append(b"x")
    assert replay.find("k") is None
    assert recording.next_id == 3

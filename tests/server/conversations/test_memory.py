"""Conversations over HTTP: a reader asks on, in each way a session is told, on a small book that is really searched."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from server.answering.events import AnswerIds
from server.conversations.database import open_engine
from server.conversations.exchanges import Exchange
from server.conversations.memory import ConversationMemory
from server.conversations.store import ConversationStore, open_store
from server.services import Services, open_services
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.support.databases.postgres import Postgres
from tests.support.fakes import ADMIN_KEY, ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import LiveServer, frames_of, serving, until
from tests.support.sample_builds import make_build
from tests.support.small_book import read

PAGES = {
    "grippers.md": "# Grippers\n\nA gripper holds parts.\n\n## Fingers\n\nA gripper has two fingers of steel.\n\n"
    "## Force\n\nThe force of a gripper is forty newtons.\n\n## Price of a gripper\n\nA gripper costs ninety dollars.\n",
    "lidar.md": "# Lidar\n\nA lidar measures distance with light.\n\n## Range\n\nThe range of the lidar is ninety meters.\n\n"
    "## Weight of a lidar\n\nA lidar weighs two pounds.\n\n## Price of a lidar\n\nA lidar costs four hundred dollars.\n",
    "batteries.md": "# Batteries\n\nA battery feeds the robot.\n\n## Charging\n\nCharging the battery takes three hours.\n\n"
    "## Weight of a battery\n\nA battery weighs nine pounds.\n",
    "motors.md": "# Motors\n\nA motor turns a joint.\n\n## Speed\n\nA motor turns once a second.\n",
    "cameras.md": "# Cameras\n\nA camera sees colors.\n\n## Lenses\n\nA lens bends what a camera sees.\n",
    "legs.md": "# Legs\n\nA leg carries the robot.\n\n## Feet\n\nA foot stands on the ground.\n",
}
TURNS = [
    ("What is a gripper?", "Grippers"),
    ("How many fingers does it have?", "Fingers"),
    ("And what force does it have?", "Force"),
    ("What is a lidar?", "Lidar"),
    ("What is its range?", "Range"),
]
"""Each question with the section that answers it; those with a pronoun find it only with what was said before."""
ABOUT_ONE_THING = [
    ("What is the range of the lidar?", "Range"),
    ("What does it measure?", "Lidar"),
    ("And how much does it weigh?", "Weight of a lidar"),
    ("Is it light that it measures with?", "Lidar"),
    ("What is its price?", "Price of a lidar"),
]
"""What it is about is named in the first question only, more questions ago than a model is shown."""


@asynccontextmanager
async def book(tmp_path: Path, address: str) -> AsyncGenerator[LiveServer]:
    """A real server without a key over a small book, its conversations at `address`."""
    given = {"data_dir": tmp_path / uuid4().hex, "prefect_api_url": "http://127.0.0.1:1/api", "database_url": address}
    settings = Settings.model_validate(given)
    chunks = read(PAGES)
    writer = open_index(settings)
    await writer.publish(make_build(chunks, dimensions=None), chunks, None)
    await writer.aclose()
    async with serving(open_services(settings)) as live:
        await until(lambda: live.services.conversations.is_connected)
        yield live


def by_body(session: str, _said: list[dict[str, str]]) -> tuple[dict[str, Any], dict[str, str]]:
    return {"session_id": session}, {}


def by_header(session: str, _said: list[dict[str, str]]) -> tuple[dict[str, Any], dict[str, str]]:
    return {"session_id": f"session_{uuid4()}"}, {"X-Anonymous-Session-ID": session}  # a new one for every message


def by_messages(_session: str, said: list[dict[str, str]]) -> tuple[dict[str, Any], dict[str, str]]:
    return {"history": said}, {}


Way = Callable[[str, list[dict[str, str]]], tuple[dict[str, Any], dict[str, str]]]


@pytest.mark.parametrize("turns", [TURNS, ABOUT_ONE_THING], ids=["two things", "one thing"])
@pytest.mark.parametrize("way", [by_body, by_header, by_messages])
async def test_five_turns_with_pronouns_find_their_section_and_survive_a_restart(
    tmp_path: Path, address: str, way: Way, turns: list[tuple[str, str]]
) -> None:
    session, said = str(uuid4()), []
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(book(tmp_path, address))
        for n, (question, section) in enumerate(turns):
            if n == 2:  # in the middle of the conversation
                await stack.aclose()
                live = await stack.enter_async_context(book(tmp_path, address))
            body, headers = way(session, said)
            answer = (await live.ask({"question": question, "stream": False} | body, **headers)).json()
            cited = [source for source in answer["sources"] if source["n"] in answer["cited"]]
            assert cited[0]["section"] == section, (question, answer)
            said += [{"role": "user", "content": question}, {"role": "assistant", "content": answer["answer"]}]


async def test_without_what_was_said_before_the_pronoun_finds_nothing(tmp_path: Path, address: str) -> None:
    async with book(tmp_path, address) as live:
        answer = (await live.ask({"question": TURNS[1][0], "stream": False})).json()
    assert answer["metadata"]["history"] == "none"
    assert answer["metadata"]["query"] == TURNS[1][0]


@pytest.mark.one_server
async def test_two_servers_over_one_postgres_share_a_conversation(tmp_path: Path, postgres: Postgres) -> None:
    address, session = postgres.make_database("shared"), str(uuid4())
    async with book(tmp_path, address) as one, book(tmp_path, address) as other:
        for n, (question, section) in enumerate(TURNS):
            server, next_one = (one, other) if n % 2 else (other, one)
            answer = (await server.ask({"question": question, "session_id": session, "stream": False})).json()
            cited = [source["section"] for source in answer["sources"] if source["n"] in answer["cited"]]
            assert cited[0] == section
            await until(lambda at=next_one, count=n + 1: has_messages(at, session, count))


async def has_messages(live: LiveServer, conversation: str, count: int) -> bool:
    response = await live.client.get(f"/chat/history/{conversation}")
    return response.status_code == 200 and len(response.json()["messages"]) == count


async def test_postgres_goes_away_and_comes_back_and_nothing_is_lost(tmp_path: Path) -> None:
    session = str(uuid4())
    asking = {"question": "What is a gripper?", "session_id": session, "stream": False}
    with Postgres() as own, capture_logs() as lines:
        async with book(tmp_path, own.address()) as live:
            assert (await live.ask(asking)).json()["metadata"]["history"] == "none"
            await until(lambda: has_messages(live, session, 1))
            own.stop()
            answer = (await live.ask(asking)).json()
            assert answer["answer"]
            assert answer["metadata"]["history"] == "unavailable"
            assert (await live.client.get("/health")).json()["database_connected"] is False
            refused = await live.client.get(f"/chat/history/{session}")
            assert (refused.status_code, refused.json()["code"]) == (503, "history_unavailable")
            own.start()
            await until(lambda: live.services.conversations.is_connected)
            await until(lambda: has_messages(live, session, 2))
            assert (await live.ask(asking)).json()["metadata"]["history"] == "stored"
    assert [line["event"] for line in lines if "history" in line["event"]] == [
        "history_available", "history_unavailable", "history_available",
    ]  # fmt: skip


@asynccontextmanager
async def remembering(address: str, *steps: Any, **settings: Any) -> AsyncGenerator[LiveServer]:
    """A server over fakes, with conversations at `address`."""
    memory = ConversationMemory(address, days=settings.pop("days", 0))
    services: Services = make_services(answerer=ScriptedAnswerer(*steps), settings=Settings(**settings))
    services = replace(services, conversations=memory, closers=(*services.closers, memory.aclose))
    async with serving(services) as live:
        await until(lambda: memory.is_connected)
        yield live


@pytest.fixture
async def live(address: str) -> AsyncGenerator[LiveServer]:
    async with remembering(address, admin_api_key=ADMIN_KEY) as server:
        yield server


async def ask(live: LiveServer, question: str, **body: Any) -> dict[str, Any]:
    return (await live.ask({"question": question, "stream": False} | body)).json()


async def test_strangers_who_send_the_same_constant_know_nothing_of_each_other(live: LiveServer) -> None:
    await ask(live, "What is my secret?", session_id="default")
    await ask(live, "And it?", session_id="default")
    assert [request.history for request in live.services.finder.requests] == [(), ()]  # pyright: ignore
    assert (await live.client.get("/chat/history/default")).status_code == 404


async def test_what_was_said_goes_into_the_next_request_as_far_back_as_a_subject_is_looked_for(live: LiveServer) -> None:
    session = str(uuid4())
    for n in range(10):
        await ask(live, f"Question {n}?", conversation_id=session)
    last = live.services.finder.requests[-1]  # pyright: ignore
    assert [turn.content for turn in last.history if turn.role == "user"] == [f"Question {n}?" for n in range(1, 9)]
    assert last.history[-1].content == "Joints move [1]."


async def test_what_the_client_sends_wins_over_what_is_stored(live: LiveServer) -> None:
    session = str(uuid4())
    await ask(live, "Stored?", session_id=session)
    sent = [{"role": "user", "content": "Sent?"}, {"role": "assistant", "content": "Yes."}]
    answer = await ask(live, "And?", session_id=session, history=sent)
    assert answer["metadata"]["history"] == "sent"
    assert [turn.content for turn in live.services.finder.requests[-1].history] == ["Sent?", "Yes."]  # pyright: ignore


async def test_a_reader_without_an_id_gets_one_that_goes_on(live: LiveServer) -> None:
    first = frames_of((await live.ask({"question": "First?", "session_id": "s"})).text)[0]
    assert first["session_id"] == "s"
    conversation = first["metadata"]["conversation_id"]
    assert (await ask(live, "Second?", session_id=conversation))["metadata"]["history"] == "stored"
    page = (await live.client.get(f"/chat/history/{conversation}")).json()
    assert [message["question"] for message in page["messages"]] == ["First?", "Second?"]


async def test_a_conversation_is_read_in_pages_exported_and_deleted(live: LiveServer) -> None:
    session, paged = str(uuid4()), list[str]()
    for n in range(5):
        await ask(live, f"Question {n}?", session_id=session, user_id="reader")
    url = f"/chat/history/{session}"
    after: int | None = 0
    while after is not None:
        page = (await live.client.get(url, params={"limit": 2, "after": after})).json()
        paged += [message["question"] for message in page["messages"]]
        after = page["next"]
    assert paged == [f"Question {n}?" for n in range(5)]
    export = await live.client.get(f"{url}/export")
    lines = [json.loads(line) for line in export.text.splitlines()]
    assert [(line["question"], line["user_id"], line["answer"]) for line in lines][4] == (
        "Question 4?",
        "reader",
        "Joints move [1].",
    )
    assert (await live.client.delete(f"/chat/{session}")).status_code == 200
    assert (await live.client.delete(f"/chat/{session}")).status_code == 404
    assert (await live.client.get(url)).json()["code"] == "conversation_not_found"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=-1", "after=%D9%A3"])
async def test_a_page_that_makes_no_sense_is_refused(live: LiveServer, query: str) -> None:
    response = await live.client.get(f"/chat/history/{uuid4()}?{query}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")


@pytest.mark.one_server
@pytest.mark.parametrize(("said", "kept"), [("up", "up"), ("thumbs_down", "down"), (1, "up"), (-1, "down"), (False, "down")])
async def test_a_rating_is_kept_counted_and_exported(live: LiveServer, said: object, kept: str) -> None:
    answer = await ask(live, "What moves?")
    sent = {"message_id": answer["message_id"], "rating": said, "reason": "Because."}
    response = await live.client.post("/feedback", json=sent)
    assert (response.status_code, response.json()["rating"]) == (200, kept)
    assert f'lectern_feedback_total{{rating="{kept}"}} 1.0' in live.services.metrics.render([]).decode()
    assert (await live.client.get("/feedback")).status_code == 401
    exported = await live.client.get("/feedback", headers={"X-API-Key": ADMIN_KEY})
    (line,) = [json.loads(line) for line in exported.text.splitlines()]
    assert (line["question"], line["rating"], line["reason"]) == ("What moves?", kept, "Because.")
    everything = await live.client.get("/chat/history", headers={"X-API-Key": ADMIN_KEY})
    assert len(everything.text.splitlines()) == 1


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"messageId": None, "thumbs": "up"}, ("up", "")),
        ({"message_id": None, "feedback": "thumbs_down", "comment": "Wrong."}, ("down", "Wrong.")),
        ({"message_id": None, "rating": "positive", "feedback": "Clear."}, ("up", "Clear.")),
        ({"message_id": None, "isHelpful": False}, ("down", "")),
        ({"id": None, "vote": -1, "text": "Short."}, ("down", "Short.")),
        ({"message_id": None, "type": "like"}, ("up", "")),
        ({"message_id": None, "reaction": "👎"}, ("down", "")),
    ],
)
async def test_a_rating_is_read_by_the_names_that_front_ends_send(
    live: LiveServer, sent: dict[str, Any], kept: tuple[str, str]
) -> None:
    session = str(uuid4())
    answer = await ask(live, "What moves?", session_id=session)
    body = {name: answer["message_id"] if value is None else value for name, value in sent.items()}
    assert (await live.client.post("/feedback", json=body)).status_code == 200
    (message,) = (await live.client.get(f"/chat/history/{session}")).json()["messages"]
    assert (message["rating"], message["reason"]) == kept


async def test_a_rating_of_nothing_is_refused(live: LiveServer) -> None:
    response = await live.client.post("/feedback", json={"message_id": "m", "rating": "up"})
    assert (response.status_code, response.json()["code"]) == (404, "message_not_found")
    response = await live.client.post("/feedback", json={"message_id": "m", "rating": "sideways"})
    assert response.status_code == 400


async def test_of_an_answer_that_broke_is_kept_what_was_said(address: str) -> None:
    start, sources, text, *_ = whole_answer_events()
    async with remembering(address, start, sources, text, RuntimeError("broken")) as live:
        session = str(uuid4())
        frames = frames_of((await live.ask({"question": "What moves?", "session_id": session})).text)
        assert frames[-1]["finish_reason"] == "error"
        await until(lambda: has_messages(live, session, 1))
        (message,) = (await live.client.get(f"/chat/history/{session}")).json()["messages"]
    assert message["finish_reason"] == "error"
    assert message["answer"].startswith(text.content.strip())


async def test_of_an_answer_whose_reader_left_is_kept_what_was_said(address: str) -> None:
    import asyncio

    start, sources, text, *_ = whole_answer_events()
    session = str(uuid4())
    async with remembering(address, start, sources, text, asyncio.Event()) as live:
        async with live.client.stream("POST", "/chat", json={"question": "What moves?", "session_id": session}) as response:
            async for piece in response.aiter_text():
                if text.content in piece:
                    break
        await until(lambda: has_messages(live, session, 1))
        (message,) = (await live.client.get(f"/chat/history/{session}")).json()["messages"]
    assert (message["finish_reason"], message["answer"]) == ("reader_left", text.content.strip())


def whole_answer_events() -> list[Any]:
    from server.answering.events import AnswerIds

    return list(whole_answer(AnswerIds("s", "m", "r")))


async def test_a_database_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    class Hanging:
        async def latest(self, *_: object) -> list[Any]:
            await asyncio.Event().wait()
            raise AssertionError

        async def aclose(self) -> None: ...

    async def open_at(_address: str) -> Any:
        return Hanging()

    monkeypatch.setattr("server.conversations.memory.RECALL_S", 0.05)
    memory = ConversationMemory("sqlite+aiosqlite://", open_at=open_at, retry_s=3600)
    services = replace(make_services(), conversations=memory)
    async with serving(services) as live:
        await until(lambda: memory.is_connected)
        answer = await ask(live, "What moves?", session_id=str(uuid4()))
        assert (answer["answer"], answer["metadata"]["history"]) == ("Joints move [1].", "unavailable")
        await memory.aclose()


async def test_an_answer_is_stored_before_its_reader_is_told_that_it_is_over() -> None:
    import asyncio

    go = asyncio.Event()
    stored: list[Exchange] = []

    class Slow:
        async def add(self, exchange: Exchange) -> None:
            await go.wait()
            stored.append(exchange)

        async def forget_questions_before(self, _moment: object) -> None: ...

        async def aclose(self) -> None: ...

    async def open_at(_address: str) -> Any:
        return Slow()

    memory = ConversationMemory("sqlite+aiosqlite://", open_at=open_at)
    steps = (*whole_answer(AnswerIds("s", "m", "r"))[:-1], 0.0, whole_answer(AnswerIds("s", "m", "r"))[-1])
    services = replace(make_services(answerer=ScriptedAnswerer(*steps)), conversations=memory)
    async with serving(services) as live:
        await until(lambda: memory.is_connected)
        async with live.client.stream("POST", "/chat", json={"question": "What moves?"}) as response:
            text = ""
            async for piece in response.aiter_text():
                text += piece
                go.set()
                if '"type":"done"' in piece:
                    assert len(stored) == 1
        assert '"type":"done"' in text
        await memory.aclose()


@pytest.mark.parametrize("text", ["\ud83d", "a\0b"], ids=["half a character", "NUL"])
async def test_what_the_database_never_takes_does_not_hold_up_what_comes_after_it(postgres: Postgres, text: str) -> None:
    class Poisoning(ConversationStore):
        async def add(self, exchange: Exchange) -> None:
            poisoned = exchange.model_copy(update={"answer": text})  # past every check of ours
            await super().add(poisoned if exchange.question == "First?" else exchange)

    async def open_at(address: str) -> ConversationStore:
        await (await open_store(address)).aclose()
        return Poisoning(address, open_engine(address))

    session = str(uuid4())
    memory = ConversationMemory(postgres.make_database(f"poisoned_{uuid4().hex}"), open_at=open_at, retry_s=0.01)
    services = make_services()
    services = replace(services, conversations=memory, closers=(*services.closers, memory.aclose))
    with capture_logs() as lines:
        async with serving(services) as live:
            await until(lambda: memory.is_connected)
            for question in ("First?", "Second?"):
                await ask(live, question, session_id=session)
            await until(lambda: has_messages(live, session, 1))
            page = (await live.client.get(f"/chat/history/{session}")).json()
    assert [message["question"] for message in page["messages"]] == ["Second?"]
    refused = [line for line in lines if line["event"] == "exchange_refused"]
    assert len(refused) == 1


async def test_with_the_memory_off_nothing_is_said_of_it() -> None:
    async with serving(make_services()) as live:
        answer = await ask(live, "What moves?", session_id=str(uuid4()))
        assert "history" not in answer["metadata"]
        refused = await live.client.get(f"/chat/history/{uuid4()}")
        assert (refused.status_code, refused.json()["code"]) == (404, "history_off")

"""From a question asked to what its author is told: over a real database, and only where the settings say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from server import __main__
from server.conversations.store import ConversationStore, open_store
from server.services import open_services
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.server.agents.test_texts import PAGES
from tests.server.conversations.test_store import make_exchange
from tests.server.insights.test_insights import NOON, asked
from tests.support.fakes import ADMIN_KEY
from tests.support.live_server import LiveServer, serving, until
from tests.support.sample_builds import make_build
from tests.support.small_book import read

KEY = {"X-API-Key": ADMIN_KEY}
ANSWERED, UNANSWERED = "How many joints does a gripper move?", "Who invented the telescope?"


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'own.sqlite'}"
    return request.getfixturevalue("postgres").make_database(f"insights_{uuid4().hex}")


@asynccontextmanager
async def keeping(folder: Path, address: str, **changed: Any) -> AsyncGenerator[LiveServer]:
    given = {
        "data_dir": folder, "database_url": address, "prefect_api_url": "http://127.0.0.1:1/api", "admin_api_key": ADMIN_KEY,
        "keep_questions": 90,
    }  # fmt: skip
    settings = Settings.model_validate(given | changed)
    chunks = read(PAGES)
    writer = open_index(settings)
    await writer.publish(make_build(chunks, dimensions=None), chunks, None)
    await writer.aclose()
    async with serving(open_services(settings)) as live:
        if changed.get("database_url") != "none":
            await until(lambda: live.services.conversations.is_connected)
        yield live


async def ask(live: LiveServer, *questions: str, **headers: str) -> list[dict[str, Any]]:
    return [(await live.ask({"question": one, "stream": False}, **headers)).json() for one in questions]


async def insights(live: LiveServer, query: str = "", **headers: str) -> httpx.Response:
    return await live.client.get(f"/insights{query}", headers=KEY | headers)


async def test_an_author_is_told_what_was_asked_in_the_form_that_is_wanted(tmp_path: Path, address: str) -> None:
    async with keeping(tmp_path, address) as live:
        first, *_ = await ask(live, ANSWERED, UNANSWERED, UNANSWERED.lower(), "Hello!")
        await live.client.post("/feedback", json={"message_id": first["message_id"], "rating": "down"})
        page = await insights(live, accept="text/html,*/*;q=0.1")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
        text = (await insights(live, "?days=1&format=markdown")).text
        table = await insights(live, accept="text/csv")
    assert "3 questions, 2 the book does not answer, 1 answered weakly" in text
    assert f"- {UNANSWERED.lower()} (2 times, 2 unanswered)" in text
    assert "| [Robots › Joints](https://robots.example/book/docs/intro#joints) | 1 | 0 | 1 |" in text
    assert UNANSWERED.lower() in page.text
    assert table.text.splitlines()[0].startswith("what,section,url,question")
    assert "Hello" not in text


async def test_nothing_is_kept_unless_the_settings_say_so_and_what_was_is_deleted(tmp_path: Path, address: str) -> None:
    async with keeping(tmp_path, address) as live:
        await ask(live, ANSWERED)
        assert (await insights(live)).status_code == 200
    async with keeping(tmp_path, address, keep_questions=0) as live:
        await ask(live, UNANSWERED)
        refused = await insights(live)
        assert (refused.status_code, refused.json()["code"]) == (404, "questions_not_kept")
        store = await live.services.conversations.open_store()
        assert await store.questions(datetime.now(UTC) - timedelta(days=1), 10) == []
        assert [line.exchange.question async for line in store.everything()] == [ANSWERED, UNANSWERED]


async def test_who_asked_from_where_is_not_kept_with_a_question(tmp_path: Path, address: str) -> None:
    async with keeping(tmp_path, address, trusted_hops=1) as live:
        body = {"question": ANSWERED, "session_id": "s-93a7f0bb2c", "user_id": "ada", "stream": False}
        await live.ask(body, X_Forwarded_For="203.0.113.77")
        store = await live.services.conversations.open_store()
        (kept,) = await store.questions(datetime.now(UTC) - timedelta(days=1), 10)
    said = kept.model_dump_json()
    assert kept.question == ANSWERED
    assert [word for word in ("203.0.113", "ada", "93a7f0bb2c") if word in said] == []


async def test_a_failed_answer_says_nothing_of_the_book(tmp_path: Path, address: str, stand_in: Any) -> None:
    key = {"openai_api_key": "sk-secret", "openai_base_url": stand_in.base_url, "embedding_model": "none"}
    async with keeping(tmp_path, address, **key) as live:
        stand_in.fail("chat", "cut", after=1)
        await live.ask({"question": ANSWERED})
        assert "0 questions" in (await insights(live)).text


@pytest.mark.parametrize("query", ["?days=0", "?days=x", "?days=4000", "?format=pdf", "?format="])
async def test_what_makes_no_sense_is_refused(tmp_path: Path, query: str) -> None:
    async with keeping(tmp_path, "sqlite+aiosqlite://") as live:
        assert (await insights(live, query)).json()["code"] == "invalid_field"


async def test_it_is_the_authors_and_needs_something_kept(tmp_path: Path) -> None:
    async with keeping(tmp_path, "none", database_url="none") as live:
        assert (await live.client.get("/insights")).status_code == 401
        assert (await insights(live)).json()["code"] == "questions_not_kept"


@pytest.fixture
async def store(address: str) -> AsyncGenerator[ConversationStore]:
    opened = await open_store(address)
    yield opened
    await opened.aclose()


async def kept(store: ConversationStore, most: int = 100) -> Sequence[str]:
    return [one.question for one in await store.questions(NOON - timedelta(days=1), most)]


async def test_what_is_kept_is_read_back_newest_first_and_as_much_as_is_wanted(store: ConversationStore) -> None:
    questions = [asked(f"Question {n}?", hours=n, rating=None) for n in range(4)]
    for n, one in enumerate(questions):
        await store.add(make_exchange(n, asked=one))
        await store.add(make_exchange(n, asked=one))
    assert await store.questions(NOON - timedelta(days=1), 3) == questions[:0:-1]
    assert await store.questions(NOON + timedelta(hours=3), 10) == questions[3:]


async def test_a_question_goes_when_it_is_old_and_when_its_reader_forgets_the_conversation(store: ConversationStore) -> None:
    for n in range(3):
        exchange = make_exchange(n, conversation_id=f"c{n}", asked=asked(f"Question {n}?", hours=n))
        await store.add(exchange)
    assert await store.forget("c1")
    assert await kept(store) == ["Question 2?", "Question 0?"]
    assert await store.forget_questions_before(NOON + timedelta(hours=1)) == 1
    assert await kept(store) == ["Question 2?"]
    await store.forget_before(NOON + timedelta(days=9))
    assert await kept(store) == ["Question 2?"]


def test_the_command_prints_the_report_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert __main__.main(["report"]) == 1
    assert "KEEP_QUESTIONS" in capsys.readouterr().err
    monkeypatch.setenv("KEEP_QUESTIONS", "30")

    async def fill() -> None:
        store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'conversations.sqlite'}")
        for n, day in enumerate((1, 20)):
            at = datetime.now(UTC) - timedelta(days=day)
            await store.add(make_exchange(n, asked=asked(f"Question {n}?", cited=(), created_at=at)))
        await store.aclose()

    asyncio.run(fill())
    assert __main__.main(["report", "--days", "7"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# What your book is missing\n")
    assert "Question 0?" in printed
    assert "Question 1?" not in printed
    assert __main__.main(["report", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3

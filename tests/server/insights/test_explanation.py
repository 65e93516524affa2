"""Why an answer says what it says: over the real application, a real index, and a stand-in for the model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.conversations.followed import FollowedAnswers
from tests.server.insights.test_report import KEY, UNANSWERED, keeping
from tests.support.live_server import LiveServer
from tests.support.openai.stand_in import StandIn

QUESTION = "How many joints does a gripper move?"
JSON = KEY | {"Accept": "application/json"}
NO_DATABASE = {"keep_questions": 0, "database_url": "none"}


async def why(live: LiveServer, path: str, **parameters: str) -> dict[str, Any]:
    response = await live.client.get(path, headers=JSON, params=parameters)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()


async def page(live: LiveServer, path: str) -> httpx.Response:
    return await live.client.get(path, headers=KEY | {"Accept": "text/html,*/*;q=0.1"})


async def test_an_answer_is_explained_from_its_question_to_its_tokens(tmp_path: Path, stand_in: StandIn) -> None:
    model = {"openai_api_key": "sk-secret", "openai_base_url": stand_in.base_url, "embedding_model": "none"}
    async with keeping(tmp_path, "none", **NO_DATABASE, **model) as live:
        stand_in.say(["Three ", "joints [1]."])
        response = await live.ask({"question": QUESTION, "stream": True})
        done = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")][-1]
        told = await why(live, f"/why/{done['message_id']}")
        assert told == await why(live, f"/why/{response.headers['x-request-id']}")
    assert (told["question"], told["query"], told["answer"]) == (QUESTION, QUESTION, "Three joints [1].")
    assert (told["mode"], told["is_over"], told["finish_reason"], told["model"]) == ("chat", True, "stop", "gpt-4o-mini")
    (asked,) = [seen for seen in stand_in.seen if seen.endpoint == "chat"]
    assert told["prompt"] == asked.body["messages"]
    assert told["usage"] == done["usage"]
    assert [one["url"] for one in told["passages"] if one["cited"]] == [done["sources"][0]["url"]]
    (search,) = told["trail"]["searches"]
    assert search["support"] == told["support"]
    assert search["candidates"][0]["fate"] == "taken"
    steps = {step["name"]: step for step in told["steps"]}
    assert set(steps) == {"retrieve", "search", "fuse", "prompt", "chat gpt-4o-mini", "first token", "stream"}
    order = ["search", "fuse", "prompt", "first token", "stream"]
    assert sorted(order, key=lambda name: steps[name]["began_ms"]) == order
    assert told["retrieve_s"] <= told["ttft_s"] <= told["total_s"]


async def test_the_page_shows_it_and_runs_nothing_of_what_a_reader_or_a_model_wrote(tmp_path: Path, stand_in: StandIn) -> None:
    model = {"openai_api_key": "sk-secret", "openai_base_url": stand_in.base_url, "embedding_model": "none"}
    hostile = 'Which "joints" <script>alert(1)</script> does a gripper move?'
    async with keeping(tmp_path, "none", **NO_DATABASE, **model) as live:
        stand_in.say(["<img src=x onerror=alert(2)> [1]"])
        answered = (await live.ask({"question": hostile, "stream": False})).json()
        listed = await page(live, "/why")
        shown = await page(live, f"/why/{answered['message_id']}")
    assert f'href="why/{answered["message_id"]}"' in listed.text
    for one in (listed, shown):
        assert one.headers["content-type"] == "text/html; charset=utf-8"
        assert one.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
        assert "<script" not in one.text
        assert "<img" not in one.text
    for said in ("&lt;script&gt;alert(1)", "&lt;img src=x onerror=alert(2)&gt;", "first token: ", "By meaning", "a passage"):
        assert said in shown.text


async def test_quotations_say_that_no_model_was_sent_anything(tmp_path: Path) -> None:
    async with keeping(tmp_path, "none", **NO_DATABASE) as live:
        answered = (await live.ask({"question": QUESTION, "stream": False})).json()
        told = await why(live, f"/why/{answered['message_id']}")
    assert (told["model"], told["prompt"], told["usage"]) == ("extractive", [], None)
    assert told["answer"]
    assert {"search", "fuse"} <= {step["name"] for step in told["steps"]}


async def test_an_answer_that_is_given_again_names_the_one_that_was_searched_for(tmp_path: Path) -> None:
    async with keeping(tmp_path, "none", **NO_DATABASE, answer_cache_hours=1) as live:
        first, again = [(await live.ask({"question": QUESTION, "stream": False})).json()["message_id"] for _ in range(2)]
        told, earlier = await why(live, f"/why/{again}"), await why(live, f"/why/{first}")
    assert (told["cached"], told["given_first"], told["trail"]) == (True, first, None)
    assert (earlier["cached"], earlier["given_first"]) == (False, None)
    assert earlier["trail"]["searches"]


async def test_the_last_answers_are_listed_newest_first_and_older_ones_are_gone(tmp_path: Path) -> None:
    async with keeping(tmp_path, "none", **NO_DATABASE, explain_answers=2) as live:
        questions = [f"{QUESTION} {n}" for n in range(3)]
        ids = [(await live.ask({"question": one, "stream": False})).json()["message_id"] for one in questions]
        listed = (await why(live, "/why"))["answers"]
        gone = await live.client.get(f"/why/{ids[0]}", headers=JSON)
    assert [one["question"] for one in listed] == questions[:0:-1]
    assert [one["message_id"] for one in listed] == ids[:0:-1]
    assert (gone.status_code, gone.json()["code"]) == (404, "answer_not_followed")


async def test_it_is_the_authors_alone_and_nothing_is_followed_where_nobody_could_ask(tmp_path: Path) -> None:
    async with keeping(tmp_path / "1", "none", **NO_DATABASE) as live:
        answers = [await live.client.get(path) for path in ("/why", "/why/x", f"/search/why?q={UNANSWERED}")]
        assert [one.json()["code"] for one in answers] == ["key_missing"] * 3
    for n, closed in enumerate(({"admin_api_key": None}, {"explain_answers": 0})):
        async with keeping(tmp_path / f"{n + 2}", "none", **NO_DATABASE | closed) as live:
            await live.ask({"question": QUESTION})
            assert live.services.followed.latest() == []


async def test_what_a_reader_forgets_is_not_explained_any_more(tmp_path: Path) -> None:
    session = "s-93a7f0bb2c0d4e55a1"
    async with keeping(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'own.sqlite'}") as live:
        answered = (await live.ask({"question": QUESTION, "session_id": session, "stream": False})).json()
        other = (await live.ask({"question": QUESTION, "stream": False})).json()
        await why(live, f"/why/{answered['message_id']}")
        assert (await live.client.delete(f"/chat/{session}")).status_code == 200
        assert [one["message_id"] for one in (await why(live, "/why"))["answers"]] == [other["message_id"]]


def holding(folder: Path, word: bytes) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if word in path.read_bytes()]


async def test_without_a_database_no_file_holds_a_question_that_is_followed(tmp_path: Path) -> None:
    asked = "Does a gripper move a telescope of Galileo?"
    async with keeping(tmp_path, "none", **NO_DATABASE) as live:
        await live.ask({"question": asked})
        assert [one.request.question for one in live.services.followed.latest()] == [asked]
    assert await asyncio.to_thread(holding, tmp_path, b"Galileo") == []


async def test_a_question_of_the_report_leads_to_how_the_book_is_searched_for_it_now(tmp_path: Path, stand_in: StandIn) -> None:
    model = {"openai_api_key": "sk-secret", "openai_base_url": stand_in.base_url, "embedding_model": "none"}
    async with keeping(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'own.sqlite'}", **model) as live:
        stand_in.say(["It says nothing of that."])
        await live.ask({"question": UNANSWERED})
        report = (await page(live, "/insights")).text
        link = report.partition('href="search/why?')[2].partition('"')[0]
        asked = stand_in.count("chat")
        shown = await page(live, f"/search/why?{link}")
        told = await why(live, "/search/why", q="And this page?", page_url="https://robots.example/book/docs/intro")
        assert stand_in.count("chat") == asked
        assert [one.request.question for one in live.services.followed.latest()] == [UNANSWERED]
    assert f"The question: {UNANSWERED}" in shown.text
    assert told["page_url"] == "https://robots.example/book/docs/intro"
    assert (told["answer"], told["finish_reason"]) == ("", None)


@pytest.mark.one_server
async def test_what_cannot_be_searched_for_is_refused(tmp_path: Path) -> None:
    async with keeping(tmp_path, "none", **NO_DATABASE) as live:
        questions = ("", "x" * 20_000)
        refused = [await live.client.get("/search/why", headers=JSON, params={"q": one}) for one in questions]
    assert [one.json()["code"] for one in refused] == ["question_missing", "question_too_long"]


def test_nothing_is_followed_unless_it_is_said_how_much() -> None:
    assert FollowedAnswers().find("x") is None

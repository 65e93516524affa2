"""The real services against a stand-in for OpenAI, over a real socket."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from server.models.chat_model import most_usd
from server.services import open_services
from shared import log
from shared.index.open_index import open_index
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.live_server import LiveServer, frames_of, serving, text_of, until
from tests.support.openai.stand_in import StandIn
from tests.support.sample_builds import make_build, make_chunks

QUESTION = {"question": "How many joints does the gripper move?"}


@pytest.fixture
async def live(tmp_path: Path, stand_in: StandIn) -> AsyncGenerator[LiveServer]:
    async with serving_with(tmp_path, stand_in) as server:
        yield server


@asynccontextmanager
async def serving_with(tmp_path: Path, stand_in: StandIn, **changed: Any) -> AsyncGenerator[LiveServer]:
    """A server over a book of two lines and a chat model, with settings changed."""
    given: dict[str, Any] = {
        "data_dir": tmp_path,
        "openai_api_key": "sk-secret",
        "openai_base_url": stand_in.base_url,
        "embedding_model": "none",
        "prefect_api_url": "http://127.0.0.1:1/api",
        "daily_budget_usd": 0.000001,
        "answer_cache_hours": 0,
    }
    settings = Settings.model_validate(given | changed)
    chunks = make_chunks({"grippers.md": ["The gripper moves three joints.", "A gripper has two fingers."]})
    writer = open_index(settings)
    await writer.publish(make_build(chunks, dimensions=None), chunks, None)
    await writer.aclose()
    async with serving(open_services(settings)) as server:
        yield server


async def test_the_model_answers_and_what_it_cost_is_counted(live: LiveServer, stand_in: StandIn) -> None:
    stand_in.say(["It moves three ", "joints [1]."])
    with capture_logs() as lines:
        stream = (await live.ask(QUESTION)).text
    assert text_of(stream) == "It moves three joints [1]."
    done = frames_of(stream)[-1]
    assert (done["cited"], done["degraded"], done["finish_reason"]) == ([1], False, "stop")
    assert live.services.budget.spent_usd == pytest.approx(done["usage"]["cost_usd"])
    (answered,) = [line for line in lines if line["event"] == "answered"]
    assert (answered["model"], answered["cost_usd"]) == ("gpt-4o-mini", done["usage"]["cost_usd"])


async def test_no_log_line_holds_what_was_asked_or_a_key(live: LiveServer, stand_in: StandIn, lines: io.StringIO) -> None:
    live.services.budget.cap_usd = 1.0
    log.configure(live.services.settings, stream=lines)
    stand_in.say(["What does a gripper hold?"])
    await live.ask({"question": "Why does the xyzzy gripper move?", "history": FOLLOW_UP["history"], "session_id": "plugh"})
    for failure in ("unauthorized", "html", "bad_json"):
        stand_in.fail("chat", failure)
        await live.ask({"question": "How many xyzzy joints?", "selected_text": "xyzzy"})
    await live.client.get("/search?q=xyzzy", headers={"Authorization": "Bearer sk-secret"})
    await live.client.get("/search?q=")
    await live.ask({"question": "xyzzy" * 1000})
    text = lines.getvalue()
    assert len(re.findall(r"\] answered ", text)) == 4
    assert len(set(re.findall(r"request_id=(\w+)", text))) >= 4
    assert text.count("build_id=") >= 4
    assert [word for word in ("xyzzy", "plugh", "gripper", "sk-secret") if word in text] == []


async def test_when_the_days_money_is_spent_answers_are_quotations(live: LiveServer, stand_in: StandIn) -> None:
    await live.ask(QUESTION)
    assert live.services.budget.is_spent
    asked = stand_in.count("chat")
    done = frames_of((await live.ask(QUESTION)).text)[-1]
    assert (done["degraded"], done["finish_reason"], stand_in.count("chat")) == (True, "stop", asked)


async def test_a_model_that_is_away_gives_quotations_and_one_that_breaks_off_an_error(
    live: LiveServer, stand_in: StandIn
) -> None:
    stand_in.fail("chat", "unauthorized")
    stream = (await live.ask(QUESTION)).text
    assert frames_of(stream)[-1]["degraded"] is True
    assert "sk-secret" not in stream
    stand_in.fail("chat", "cut", after=1)
    stream = (await live.ask(QUESTION)).text
    assert [frame["type"] for frame in frames_of(stream)][-2:] == ["error", "done"]


async def test_a_reader_who_leaves_ends_the_request_upstream_and_it_is_paid_for(live: LiveServer, stand_in: StandIn) -> None:
    stand_in.say(["word "] * 1000)
    stand_in.pace_s = 0.05
    async with live.client.stream("POST", "/chat", json=QUESTION) as response:
        async for piece in response.aiter_text():
            if '"chunk"' in piece:
                break
    (asked,) = [seen for seen in stand_in.seen if seen.endpoint == "chat"]
    await asked.ended.wait()
    assert asked.left_early
    await until(lambda: live.services.limits.open_streams == 0)
    assert live.services.budget.spent_usd > 0


FOLLOW_UP = {
    "question": "And what does it hold?",
    "history": [{"role": "user", "content": "How many fingers has a gripper?"}, {"role": "assistant", "content": "Two."}],
}


async def test_a_follow_up_is_made_whole_by_the_model_and_paid_for(live: LiveServer, stand_in: StandIn) -> None:
    stand_in.say(["What does a gripper hold?"])
    stand_in.say(["Nothing [1]."])
    stream = (await live.ask(FOLLOW_UP)).text
    assert frames_of(stream)[0]["metadata"]["query"] == "What does a gripper hold?"
    usage = frames_of(stream)[-1]["usage"]
    assert usage is None or live.services.budget.spent_usd > usage["cost_usd"]


async def test_without_the_model_or_money_a_follow_up_is_made_whole_by_rule(live: LiveServer, stand_in: StandIn) -> None:
    by_rule = "How many fingers has a gripper?\nAnd what does it hold?"
    stand_in.fail("chat", "unauthorized")
    stream = (await live.ask(FOLLOW_UP)).text
    assert frames_of(stream)[0]["metadata"]["query"] == by_rule
    live.services.budget.pay("m", 1.0)
    asked = stand_in.count("chat")
    stream = (await live.ask(FOLLOW_UP)).text
    assert frames_of(stream)[0]["metadata"]["query"] == by_rule
    assert stand_in.count("chat") == asked


async def test_health_tells_whether_the_model_can_be_reached(live: LiveServer, stand_in: StandIn) -> None:
    health = (await live.client.get("/health")).json()
    assert (health["openai_connected"], health["chat_model"], health["status"]) == (True, "gpt-4o-mini", "ok")
    await live.client.get("/health")
    assert stand_in.count("models") == 1


@pytest.mark.parametrize("qdrant_url", [None, "http://127.0.0.1:1"])
def test_the_web_process_imports_nothing_it_does_not_need_to_listen(qdrant_url: str | None) -> None:
    code = (
        "import sys; from pathlib import Path; from shared.settings import Settings; from server import __main__\n"
        f"__main__.open_services(Settings(data_dir=Path('.'), qdrant_url={qdrant_url!r}))\n"
        "print(sorted(sys.modules.keys() & {'openai', 'qdrant_client', 'prefect', 'numpy', 'grpc', 'flows', 'markdown_it', "
        "'mcp', 'opentelemetry'}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=REPOSITORY, env={"PATH": ""}
    )
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(("model", "warnings"), [("gpt-4o-mini", []), ("my-own", [["my-own"]])])
def test_a_model_of_unknown_price_is_warned_of(tmp_path: Path, model: str, warnings: list[list[str]]) -> None:
    given = {"data_dir": tmp_path, "openai_api_key": "k", "chat_model": model, "embedding_model": "none"}
    with capture_logs() as lines:
        open_services(Settings.model_validate(given))
    assert [line["models"] for line in lines] == warnings


async def test_answers_begun_together_do_not_spend_the_same_money(live: LiveServer, stand_in: StandIn) -> None:
    live.services.budget.cap_usd = 1.5 * most_usd("gpt-4o-mini")
    stand_in.pace_s = 0.1
    streams = await asyncio.gather(*(live.ask({"question": f"How many joints does gripper {n} move?"}) for n in range(5)))
    assert sorted(frames_of(one.text)[-1]["degraded"] for one in streams) == [False, False, True, True, True]
    assert stand_in.count("chat") == 2
    assert 0 < live.services.budget.spent_usd < live.services.budget.cap_usd


async def test_a_reader_who_has_had_their_share_gets_quotations_and_the_next_gets_the_model(
    tmp_path: Path, stand_in: StandIn
) -> None:
    shared = {"environment": "production", "trusted_hops": 1, "daily_budget_usd": 1.0, "daily_budget_share": 1e-6}
    async with serving_with(tmp_path, stand_in, **shared) as live:
        ends = [
            frames_of((await live.ask(QUESTION, X_Forwarded_For=reader)).text)[-1] for reader in ("1.1.1.1",) * 2 + ("2.2.2.2",)
        ]
        whole = (await live.ask(QUESTION | {"stream": False}, X_Forwarded_For="1.1.1.1")).json()
    assert [(end["degraded"], end["finish_reason"]) for end in ends] == [(False, "stop"), (True, "stop"), (False, "stop")]
    assert [end["metadata"].get("reason") for end in ends] == [None, "budget", None]
    assert (whole["degraded"], whole["metadata"]["reason"]) == (True, "budget")
    assert stand_in.count("chat") == 2


async def test_a_model_without_a_price_is_stopped_by_its_tokens(tmp_path: Path, stand_in: StandIn) -> None:
    counted = {"chat_model": "my-own", "daily_budget_tokens": 10}
    async with serving_with(tmp_path, stand_in, **counted) as live:
        ends = [frames_of((await live.ask(QUESTION)).text)[-1] for _ in range(2)]
    assert [end["metadata"].get("reason") for end in ends] == [None, "budget"]
    assert stand_in.count("chat") == 1

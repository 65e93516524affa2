"""A reader stops an answer; over real sockets, with a model that would go on."""

from __future__ import annotations

import pytest

from tests.server.http.test_leaving import answering_with
from tests.support.fakes import make_services
from tests.support.live_server import frames_of, serving, until
from tests.support.openai.stand_in import StandIn

QUESTION = {"question": "What moves?"}


@pytest.mark.parametrize("prefix", ["", "/api", "/api/v1"])
async def test_a_stopped_answer_ends_in_good_order_and_the_model_is_let_go_of(stand_in: StandIn, prefix: str) -> None:
    stand_in.fail("chat", "stall", seconds=30, after=2)
    stand_in.say(["Joints ", "move ", "robots."])
    async with serving(answering_with(stand_in)) as live, live.client.stream("POST", "/chat", json=QUESTION) as response:
        text = ""
        async for piece in response.aiter_text():
            text += piece
            if 'move"' in piece:
                message_id = frames_of(text)[0]["message_id"]
                stopped = await live.client.post(f"{prefix}/chat/{message_id}/stop")
                assert (stopped.status_code, stopped.json()) == (200, {"message_id": message_id})
        await until(stand_in.seen[0].ended.is_set)
        assert stand_in.seen[0].left_early
        await until(lambda: live.services.limits.open_streams == 0)
        again = await live.client.post(f"{prefix}/chat/{message_id}/stop")
    frames = frames_of(text)
    assert [frame["type"] for frame in frames] == ["start", "sources", "chunk", "chunk", "done"]
    assert (frames[-1]["finish_reason"], frames[-1]["metadata"]["stopped"]) == ("stop", True)
    assert frames[-1]["usage"]["completion_tokens"] == 2
    assert (again.status_code, again.json()["code"]) == (404, "answer_not_running")


async def test_an_answer_stopped_before_its_first_word_has_no_text_and_no_error(stand_in: StandIn) -> None:
    stand_in.fail("chat", "stall", seconds=30, after=0)
    async with serving(answering_with(stand_in)) as live, live.client.stream("POST", "/chat", json=QUESTION) as response:
        text = ""
        async for piece in response.aiter_text():
            text += piece
            if '"sources"' in piece and '"done":true' not in piece:
                message_id = frames_of(text)[0]["message_id"]
                assert (await live.client.post(f"/chat/{message_id}/stop")).status_code == 200
    assert [frame["type"] for frame in frames_of(text)] == ["start", "sources", "done"]


async def test_only_an_answer_on_its_way_can_be_stopped() -> None:
    async with serving(make_services()) as live:
        over = frames_of((await live.ask()).text)[0]["message_id"]
        for message_id in (over, "m", "0" * 32):
            assert (await live.client.post(f"/chat/{message_id}/stop")).status_code == 404

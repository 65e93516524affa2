"""How good answers are, where a question says what one holds."""

from __future__ import annotations

import asyncio

import pytest

from flows.evaluation.answers import ask_answers, holds
from flows.evaluation.questions import EvaluationQuestion
from shared.errors import ConfigurationError
from tests.support.loopback_http import Exchange, LoopbackServer, Received

ELBOW = EvaluationQuestion(id="elbow", question="How does it bend?", holds=(("one direction",),))


def test_every_phrase_of_one_alternative_must_be_there_whatever_its_case_and_emphasis() -> None:
    answer = "The **elbow** bends in\n_one_ direction [1]."
    assert holds(answer, [["sideways"], ["Elbow bends", "one direction"]])
    assert not holds(answer, [["elbow", "sideways"]])
    assert not holds(answer, [])


@pytest.mark.parametrize(
    ("answer", "abstained", "score"), [("In one direction.", False, 1.0), ("In one direction.", True, 0.0), ("No.", False, 0.0)]
)
async def test_an_answer_counts_that_holds_it_and_does_not_abstain(answer: str, abstained: bool, score: float) -> None:
    async def tell(_: Received, exchange: Exchange) -> None:
        await exchange.reply(200, {"answer": answer, "abstained": abstained, "sources": []})

    server = LoopbackServer(tell)
    await server.start()
    others = EvaluationQuestion(id="other", question="Why?")
    assert await ask_answers(f"http://127.0.0.1:{server.port}", [ELBOW, others], limit_s=60) == {"elbow": {"answered": score}}
    await server.stop()


async def test_a_server_that_is_late_or_says_something_else_is_told_of() -> None:
    async def silent(_: Received, exchange: Exchange) -> None:
        await asyncio.Event().wait()

    async def strange(_: Received, exchange: Exchange) -> None:
        await exchange.reply(200, {"hello": "there"})

    for handler, limit_s, message in (
        (silent, 0.1, "did not answer question 'elbow' within 0.1 s"),
        (strange, 60, "failed on question 'elbow'"),
    ):
        server = LoopbackServer(handler)
        await server.start()
        with pytest.raises(ConfigurationError, match=message):
            await ask_answers(f"http://127.0.0.1:{server.port}", [ELBOW], limit_s=limit_s)
        await server.stop()

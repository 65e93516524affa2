"""How good the answers of `POST /chat` are, where a question says what a satisfying one holds."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Sequence

import httpx
from pydantic import BaseModel

from flows.evaluation.metrics import Scores
from flows.evaluation.questions import EvaluationQuestion
from shared.errors import ConfigurationError

ANSWERED = "answered"
_AT_ONCE = 2
_MARKUP = re.compile(r"[*_`\s]+|\[\d+\]")


class Told(BaseModel):
    """What is read of an answer."""

    answer: str
    abstained: bool


async def ask_answers(address: str, questions: Sequence[EvaluationQuestion], *, limit_s: float) -> dict[str, Scores]:
    """{id: scores} of the questions that say what an answer `holds`. Raises `ConfigurationError` naming the question."""
    turn = asyncio.Semaphore(_AT_ONCE)
    wanted = [question for question in questions if question.holds]
    async with httpx.AsyncClient(base_url=address, timeout=limit_s, trust_env=False) as client:

        async def put(one: EvaluationQuestion) -> Scores:
            try:
                async with turn:
                    reply = await client.post("/chat", json={"question": one.question, "stream": False})
                told = Told.model_validate(reply.raise_for_status().json())
            except httpx.TimeoutException as exc:
                late = f"did not answer question {one.id!r} within {limit_s:g} s"
                raise ConfigurationError(f"The server to evaluate {late}.") from exc
            except (httpx.HTTPError, ValueError) as exc:
                reason = str(exc) or type(exc).__name__
                raise ConfigurationError(f"The server to evaluate failed on question {one.id!r}: {reason}") from exc
            return {ANSWERED: float(not told.abstained and holds(told.answer, one.holds))}

        scores = await asyncio.gather(*(put(one) for one in wanted))
    return {one.id: score for one, score in zip(wanted, scores, strict=True)}


def holds(answer: str, alternatives: Sequence[Sequence[str]]) -> bool:
    """Whether an answer has every phrase of one of the alternatives; case, white space and emphasis aside."""
    said = _plain(answer)
    return any(all(_plain(phrase) in said for phrase in phrases) for phrases in alternatives)


def _plain(text: str) -> str:
    return _MARKUP.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()

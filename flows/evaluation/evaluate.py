"""How well the search finds what questions ask for, measured through the real thing: the book is ingested, a server started,
and `GET /search` asked.

The build lies in `DATA_DIR/evaluation`, away from the one readers use, and always in the embedded engine; vectors are kept
there too, so that a second run buys none.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
from pydantic import BaseModel

from flows.evaluation.answers import ask_answers
from flows.evaluation.declining import score_declining
from flows.evaluation.metrics import Gold, Scores, Span, score_results
from flows.evaluation.questions import EvaluationQuestion, find_gold, read_questions
from flows.evaluation.run import EvaluationRun, FoundPlace, QuestionResult
from flows.pipeline import ingest
from flows.progress import OnProgress, ignore_progress
from flows.source.files import open_source
from shared.embedding import local_embeddings
from shared.errors import ConfigurationError
from shared.settings import HOME, Settings

DEPTH = 50
"""Results asked for: enough to meet twenty pages, the deepest place a metric looks at."""
ASKED_AT_ONCE = 4
START_S = 600.0
QUESTION_S = 120.0
"""Both far longer than anything takes: a machine that is busy is waited for, one that hangs is told of."""
TRIES = 3
"""For an embedding model that is late: what is found without it must not be taken for what is found with it."""
QUESTION_CHARS = 2000
"""A longer question is cut, as no reader types one."""


class SearchResponse(BaseModel):
    """Of `GET /search`."""

    results: tuple[FoundPlace, ...]
    answerable: bool
    support: float
    degraded: bool


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions and the book they are about."""

    name: str
    book: str
    """A folder, or a git address."""
    questions: list[EvaluationQuestion]


def find_set(path: Path, settings: Settings) -> QuestionSet:
    """A folder with `questions.jsonl` and `corpus/`, or a question file about the book of the settings. Raises `BookError`."""
    if not path.is_dir():
        return QuestionSet(path.stem, settings.book_source, read_questions(path))
    corpus = path / "corpus"
    book = str(corpus.absolute()) if corpus.is_dir() else settings.book_source
    return QuestionSet(path.absolute().name, book, read_questions(path / "questions.jsonl"))


async def evaluate(
    settings: Settings, question_set: QuestionSet, *, on_progress: OnProgress = ignore_progress
) -> EvaluationRun:
    """Ingest the set's book, ask every question, and score what was found.

    Raises what `ingest` raises, `BookError` when an answer is not in the book, `ConfigurationError` when the server fails.
    """
    own = settings.model_copy(
        update={
            "book_source": question_set.book,
            "data_dir": settings.data_dir / "evaluation" / question_set.name,
            "qdrant_url": None,
        }
    )
    outcome = await ingest(own, on_progress=on_progress)
    source = await asyncio.to_thread(
        open_source, own.book_source, data_dir=own.data_dir, may_be_private=own.book_from_private_host
    )
    paths = {change.path for change in outcome.plan.changes if change.change != "removed"}

    @cache
    def read(path: str) -> str | None:
        """A page's text as offsets count it; None where the book has no such page."""
        return (source.root / path).read_bytes().decode("utf-8-sig") if path in paths else None

    golds = [await asyncio.to_thread(find_gold, question, read) for question in question_set.questions]
    async with serve(own) as address:
        responses = await ask_questions(address, question_set.questions)
        answers = await ask_answers(address, question_set.questions, limit_s=QUESTION_S)
    return EvaluationRun(
        name=question_set.name,
        created_at=datetime.now(UTC),
        embedding_model=outcome.report.embedding_model,
        chunk_tokens=own.chunk_tokens,
        chunks=outcome.plan.chunk_count,
        questions=tuple(
            _score(question, gold, response, answers.get(question.id, {}))
            for question, gold, response in zip(question_set.questions, golds, responses, strict=True)
        ),
    )


def _score(question: EvaluationQuestion, gold: Gold | None, response: SearchResponse, answer: Scores) -> QuestionResult:
    scores = score_results(gold, [Span(one.path, one.start, one.end) for one in response.results]) if gold else {}
    scores |= score_declining(gold, answerable=response.answerable) | answer
    return QuestionResult(
        id=question.id, question=question.question, results=response.results, support=response.support, scores=scores
    )


@asynccontextmanager
async def serve(settings: Settings) -> AsyncGenerator[str]:
    """The address of a server over `settings.data_dir`, started as a child process on a free port; stopped with the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    changed = {
        "DATA_DIR": str(settings.data_dir),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "COLLECTION": settings.collection,
        "QDRANT_URL": "",
        "LOG_LEVEL": "ERROR",
        "ENVIRONMENT": "development",  # where a caller on the same machine may ask as often as it likes
        "PYTHONPATH": os.pathsep.join(part for part in (str(HOME), os.environ.get("PYTHONPATH")) if part),
    }
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server"),
            env=os.environ | changed,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            try:
                async with asyncio.timeout(START_S):
                    is_ready = await _is_ready(address, process)
            except TimeoutError as exc:
                raise ConfigurationError(f"The server to evaluate was not ready within {START_S:g} s.") from exc
            if not is_ready:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().splitlines()
                raise ConfigurationError(f"The server to evaluate did not start: {said[-1] if said else 'it said nothing'}")
            yield address
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _is_ready(address: str, process: asyncio.subprocess.Process) -> bool:
    """Returns when it answers, True, or has ended, False."""
    async with httpx.AsyncClient(base_url=address, timeout=START_S, trust_env=False) as client:
        while process.returncode is None:
            try:
                if (await client.get("/health/ready")).is_success and not await _is_loading(client):
                    return True
            except httpx.HTTPError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
    return False


async def _is_loading(client: httpx.AsyncClient) -> bool:
    """Whether the server still loads its own embedding model, and would answer by words until then."""
    health = (await client.get("/health")).json()
    return health["embedding_model"] == local_embeddings.NAME and not health["embeddings_connected"]


async def ask_questions(
    address: str, questions: Sequence[EvaluationQuestion], *, limit_s: float = QUESTION_S
) -> list[SearchResponse]:
    """What `GET /search` finds for each question, in their order.

    Raises `ConfigurationError` naming the question it failed on, also where the embedding model stayed away.
    """
    turn = asyncio.Semaphore(ASKED_AT_ONCE)
    async with httpx.AsyncClient(base_url=address, timeout=limit_s, trust_env=False) as client:

        async def put(question: EvaluationQuestion) -> SearchResponse:
            for _ in range(TRIES):
                try:
                    async with turn:
                        answer = await client.get("/search", params={"q": question.question[:QUESTION_CHARS], "k": DEPTH})
                    response = SearchResponse.model_validate(answer.raise_for_status().json())
                except httpx.TimeoutException as exc:
                    late = f"did not answer question {question.id!r} within {limit_s:g} s"
                    raise ConfigurationError(f"The server to evaluate {late}.") from exc
                except httpx.HTTPError as exc:
                    reason = str(exc) or type(exc).__name__
                    raise ConfigurationError(f"The server to evaluate failed on question {question.id!r}: {reason}") from exc
                except ValueError as exc:
                    strange = f"answered question {question.id!r} with something else than results"
                    raise ConfigurationError(f"The server to evaluate {strange}.") from exc
                if not response.degraded:
                    return response
            raise ConfigurationError(
                f"The embedding model did not answer for question {question.id!r}: its results would be by words alone. "
                "Try again when it is less busy, or evaluate with EMBEDDING_MODEL=none."
            )

        return await asyncio.gather(*(put(question) for question in questions))

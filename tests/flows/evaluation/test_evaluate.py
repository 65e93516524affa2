"""The search measured through the real thing: a book ingested, a server started, `GET /search` asked."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.evaluation.evaluate import ask_questions, find_set, serve
from flows.evaluation.questions import EvaluationQuestion
from flows.evaluation.run import EvaluationRun, read_run
from shared.errors import BookError, ConfigurationError
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.loopback_http import Exchange, LoopbackServer, Received

ARM = "# Arms\n\n## Elbow\n\nThe elbow bends in one direction.\n\n## Wrist\n\nThe wrist rolls.\n"
LEG = "# Legs\n\nLegs carry the robot.\n"
QUESTIONS = [
    {
        "id": "elbow",
        "question": "How does the elbow bend?",
        "gold": [{"path": "arm.md", "text": "The elbow bends in one direction."}],
        "holds": [["sideways"], ["bends", "one direction"]],
    },
    {"id": "legs", "question": "What carries the robot?", "gold": [{"path": "leg.md"}], "holds": [["wheels"]]},
    {"id": "bread", "question": "How long does sourdough rise overnight?", "gold": []},
]


@pytest.fixture
def question_set(tmp_path: Path) -> Path:
    folder = tmp_path / "robots"
    (folder / "corpus").mkdir(parents=True)
    (folder / "corpus" / "arm.md").write_text(ARM, encoding="utf-8")
    (folder / "corpus" / "leg.md").write_text(LEG, encoding="utf-8")
    (folder / "questions.jsonl").write_text("\n".join(json.dumps(line) for line in QUESTIONS), encoding="utf-8")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python -m flows` in an empty folder."""
    settings = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in settings}
    environment = kept | {"DATA_DIR": str(tmp_path / "data"), "EMBEDDING_MODEL": "none", "PYTHONPATH": str(REPOSITORY)}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flows", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    return run


@pytest.mark.processes
def test_a_set_is_evaluated_saved_shown_and_compared_with(
    tmp_path: Path, question_set: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run("evaluate", "--set", question_set, "--out", tmp_path / "first")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "robots: 3 questions, 2 chunks, words only"), done.stderr
    saved = read_run(tmp_path / "first" / "run.json")
    assert [asked.id for asked in saved.questions] == ["elbow", "legs", "bread"]
    assert saved.scores["elbow"]["span_ndcg@10"] == 1.0
    assert saved.scores["legs"]["page_hit@1"] == saved.scores["legs"]["offered"] == 1.0
    assert saved.scores["bread"] == {"declined": 1.0}
    assert (saved.scores["elbow"]["answered"], saved.scores["legs"]["answered"]) == (1.0, 0.0)
    best = saved.questions[0].results[0]
    assert "bends in one direction" in ARM[best.start : best.end]
    again = run(
        "evaluate", "--set", question_set, "--out", tmp_path / "second", "--all", "--vs", tmp_path / "first" / "run.json"
    )
    assert "+0.0000 [+0.0000, +0.0000]" in again.stdout
    page = (tmp_path / "second" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4
    assert "http" not in page


@pytest.mark.processes
def test_a_metric_below_what_was_asked_for_fails_the_run_after_everything_is_written(
    tmp_path: Path, question_set: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    with (question_set / "questions.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"id": "eye", "question": "How does the elbow bend?", "gold": []}')
    done = run("evaluate", "--set", question_set, "--at-least", "page_hit@5=1", "--at-least", "declined=0.75")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "lectern: declined is 0.5000, 0.2500 below the 0.7500 it was to be at least."
    assert (tmp_path / "evaluation" / "run.json").is_file()
    assert run("evaluate", "--set", question_set, "--at-least", "declined=.5").returncode == 0


@pytest.mark.processes
def test_a_draft_is_a_question_file(question_set: Path, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    (question_set / "corpus" / "leg.md").write_text("# Legs\n\nA leg is a limb that carries the robot.\n", encoding="utf-8")
    done = run("evaluate", "--draft", question_set / "corpus")
    assert "What is a leg?" in [json.loads(line)["question"] for line in done.stdout.splitlines()], done.stderr
    (question_set / "questions.jsonl").write_text(done.stdout, encoding="utf-8")
    assert "answered " in run("evaluate", "--set", question_set).stdout


@pytest.mark.processes
def test_an_answer_that_is_not_in_the_book_is_one_sentence(
    question_set: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (question_set / "questions.jsonl").write_text(
        '{"id": 1, "question": "Why?", "gold": [{"path": "eye.md"}]}', encoding="utf-8"
    )
    done = run("evaluate", "--set", question_set)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "lectern: Question '1': the book has no page 'eye.md'."


def test_a_folder_brings_its_own_book_and_a_file_is_about_the_book_of_the_settings(question_set: Path) -> None:
    settings = Settings(book_source="/my/book")
    assert find_set(question_set, settings).book == str(question_set / "corpus")
    alone = find_set(question_set / "questions.jsonl", settings)
    assert (alone.name, alone.book) == ("questions", "/my/book")


@pytest.mark.processes
async def test_a_server_that_does_not_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setenv("REQUESTS_PER_MINUTE", "0")
    with pytest.raises(ConfigurationError, match="did not start: lectern: REQUESTS_PER_MINUTE is '0'"):
        async with serve(settings):
            pass


async def test_results_found_without_the_embedding_model_are_not_taken_for_its_own() -> None:
    async def degraded(_: Received, exchange: Exchange) -> None:
        await exchange.reply(200, {"results": [], "answerable": False, "support": 0.0, "degraded": True})

    server = LoopbackServer(degraded)
    await server.start()
    with pytest.raises(ConfigurationError, match="did not answer for question 'elbow'"):
        await ask_questions(f"http://127.0.0.1:{server.port}", [EvaluationQuestion(id="elbow", question="Why?")])
    await server.stop()


async def test_a_server_that_is_late_is_said_with_the_question_and_the_limit() -> None:
    async def silent(_: Received, exchange: Exchange) -> None:
        await asyncio.Event().wait()

    server = LoopbackServer(silent)
    await server.start()
    with pytest.raises(ConfigurationError, match=r"did not answer question 'elbow' within 0\.1 s\.$"):
        await ask_questions(f"http://127.0.0.1:{server.port}", [EvaluationQuestion(id="elbow", question="Why?")], limit_s=0.1)
    await server.stop()


async def test_a_server_that_answers_with_something_else_is_said() -> None:
    async def strange(_: Received, exchange: Exchange) -> None:
        await exchange.reply(200, {"hello": "there"})

    server = LoopbackServer(strange)
    await server.start()
    with pytest.raises(ConfigurationError, match="answered question 'elbow' with something else than results"):
        await ask_questions(f"http://127.0.0.1:{server.port}", [EvaluationQuestion(id="elbow", question="Why?")])
    await server.stop()


def test_a_file_that_is_no_saved_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BookError, match="is no saved evaluation"):
        read_run(tmp_path / "run.json")


def test_a_saved_run_reads_back_equal() -> None:
    run = EvaluationRun.model_validate_json(EMPTY)
    assert EvaluationRun.model_validate_json(run.model_dump_json()) == run


EMPTY = '{"name":"a","created_at":"2025-01-01T00:00:00Z","embedding_model":null,"chunk_tokens":256,"chunks":0,"questions":[]}'

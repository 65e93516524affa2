"""The steps of docs/ci/book.yml as GitHub runs them: their own scripts, in bash, in a checkout of a book with Lectern in it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.policy.test_plan_comment import GitHub
from tests.support.book_folder import write_book
from tests.support.site_pages import write_page

pytestmark = pytest.mark.processes

WORKFLOW: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs" / "ci" / "book.yml").read_text(encoding="utf-8"))
JOB: dict[str, Any] = WORKFLOW["jobs"]["book"]
STEPS: list[dict[str, Any]] = JOB["steps"]
ANCHORS = {"intro": ["robots"], "arms": ["arms", "inverse-kinematics"], "part/legs": ["gait"]}
QUESTION = {"id": "1", "question": "What is inverse kinematics?", "gold": [{"path": "arms.md"}]}


class Runner:
    """A runner of GitHub's, as far as these steps know it."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.workspace = folder / "book"
        write_book(self.workspace / "docs")
        (self.workspace / ".lectern").symlink_to(REPOSITORY)
        (folder / "event.json").write_text(json.dumps({"number": 7}), encoding="utf-8")
        own = {name: str(value) for name, value in WORKFLOW["env"].items()}
        self.environment = os.environ | own | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DATA_DIR": str(folder / "data"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(folder / "temporary"),
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": "you/book",
            "GITHUB_TOKEN": "a-token",
            "no_proxy": "127.0.0.1",
        }  # fmt: skip

    async def run(self, command: str) -> tuple[int | None, str]:
        """Exit code and standard output of the step whose script calls `python -m flows COMMAND`."""
        step = next(step for step in STEPS if f"python -m flows {command}" in step.get("run", ""))
        assert step["working-directory"] == ".lectern"
        arguments = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=self.workspace / ".lectern", env=self.environment, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()


@pytest.fixture
async def github() -> AsyncGenerator[GitHub]:
    stand_in = GitHub()
    await stand_in.server.start()
    yield stand_in
    await stand_in.server.stop()


@pytest.fixture
def runner(tmp_path: Path, github: GitHub) -> Runner:
    return Runner(tmp_path, github)


async def test_the_plan_of_a_pull_request_becomes_a_comment(runner: Runner, github: GitHub) -> None:
    assert (await runner.run("plan"))[0] == 0
    (comment,) = github.comments
    assert "| files | 3 | 0 | 0 | 0 |" in comment["body"]
    assert "- added: `part/legs.mdx`" in comment["body"]


async def test_a_plan_that_fails_fails_the_step(runner: Runner, github: GitHub) -> None:
    runner.environment["BOOK"] = "nowhere"
    code, _ = await runner.run("plan")
    assert code != 0
    assert github.comments == []


async def test_a_citation_that_leads_nowhere_fails_the_step(runner: Runner) -> None:
    built = runner.workspace / "build"
    for page, ids in ANCHORS.items():
        write_page(built, f"docs/{page}/index.html", *ids)
    assert await runner.run("verify-links") == (0, "")
    write_page(built, "docs/arms/index.html", "arms")
    code, said = await runner.run("verify-links")
    assert code == 1
    assert "https://you.github.io/my-book/docs/arms#inverse-kinematics" in said


async def test_the_questions_are_asked_of_the_book_and_the_push_brings_the_index_up_to_date(runner: Runner) -> None:
    folder = runner.workspace / "questions"
    folder.mkdir()
    (folder / "questions.jsonl").write_text(json.dumps(QUESTION) + "\n", encoding="utf-8")
    code, said = await runner.run("evaluate")
    assert code == 0
    assert re.search(r"1 questions?", said), said
    assert (runner.workspace.parent / "temporary" / "evaluation" / "report.html").is_file()
    assert (await runner.run("ingest"))[0] == 0
    code, said = await runner.run("ingest")
    assert (code, "3 files: 0 added, 0 changed, 3 kept, 0 removed" in said) == (0, True)


ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs" / "ci" / "action.yml").read_text(encoding="utf-8"))
"""The same as one step."""


async def act(runner: Runner, event: str, **inputs: str) -> tuple[int | None, str]:
    """Exit code and standard output of the action's last step at an event, with inputs."""
    step = ACTION["runs"]["steps"][-1]
    given = {name: str(one["default"]) for name, one in ACTION["inputs"].items()} | {
        name.replace("_", "-"): value for name, value in inputs.items()
    }
    expressions = {f"${{{{ inputs.{name} }}}}": value for name, value in given.items()}
    set_by_step = {name: expressions[value] for name, value in step["env"].items() if value in expressions}
    environment = runner.environment | set_by_step | {"GITHUB_EVENT_NAME": event, "GITHUB_TOKEN": "a-token"}
    process = await asyncio.create_subprocess_exec(
        "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"],
        cwd=REPOSITORY, env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_action_comments_a_pull_request_and_ingests_nothing(runner: Runner, github: GitHub) -> None:
    assert (await act(runner, "pull_request"))[0] == 0
    assert "| files | 3 | 0 | 0 | 0 |" in github.comments[0]["body"]
    assert not (runner.workspace.parent / "data" / "index").exists()
    assert (await act(runner, "pull_request", book="nowhere"))[0] != 0


async def test_the_action_checks_and_then_ingests_what_was_pushed(runner: Runner, github: GitHub) -> None:
    folder = runner.workspace / "questions"
    folder.mkdir()
    (folder / "questions.jsonl").write_text(json.dumps(QUESTION) + "\n", encoding="utf-8")
    built = runner.workspace / "build"
    for page, ids in ANCHORS.items():
        write_page(built, f"docs/{page}/index.html", *ids)
    everything = {"built_site": "build", "questions": "questions"}
    code, said = await act(runner, "push", **everything, at_least="page_hit@5=1.0 page_hit@1=0.5")
    assert (code, "3 files: 3 added" in said, github.comments) == (0, True, [])
    write_page(built, "docs/arms/index.html", "arms")
    code, said = await act(runner, "push", **everything)
    assert (code, "3 files" in said) == (1, False)


async def test_the_action_fails_where_the_book_finds_too_little(runner: Runner) -> None:
    folder = runner.workspace / "questions"
    folder.mkdir()
    unanswered = QUESTION | {"gold": [{"path": "part/legs.md"}], "question": "What is inverse kinematics of arms?"}
    (folder / "questions.jsonl").write_text(json.dumps(unanswered) + "\n", encoding="utf-8")
    code, said = await act(runner, "push", questions="questions", at_least="page_hit@1=1.0")
    assert code != 0
    assert "3 added" not in said


def test_every_input_of_the_action_reaches_its_script() -> None:
    step = ACTION["runs"]["steps"][-1]
    used = {value.removeprefix("${{ inputs.").removesuffix(" }}") for value in step["env"].values() if "inputs." in value}
    assert used == set(ACTION["inputs"])
    script = (REPOSITORY / "docs" / "ci" / "check_book.sh").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{?([A-Z_]+)", script)) - set(step["env"]) == {
        "GITHUB_WORKSPACE",
        "GITHUB_EVENT_NAME",
        "RUNNER_TEMP",
    }
    assert all("shell" in one for one in ACTION["runs"]["steps"] if "run" in one), "GitHub asks for it"

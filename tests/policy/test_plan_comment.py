from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.support.loopback_http import Exchange, LoopbackServer, Received

SCRIPT = REPOSITORY / "docs" / "ci" / "plan_comment.py"
COMMENTS = "/repos/you/book/issues/7/comments"
PLAN: dict[str, Any] = {
    "source": "docs",
    "files": {"added": 1, "changed": 1, "kept": 1200, "removed": 0},
    "chunks": {"added": 4, "changed": 2, "kept": 9000, "removed": 1},
    "to_embed": 6,
    "tokens": 2104,
    "cost_usd": 0.00004208,
    "embedding_model": "text-embedding-3-small",
    "exact_tokens": True,
    "changes": [
        {"path": "new.md", "change": "added", "chunks": {}},
        {"path": "odd`name.md", "change": "changed", "chunks": {}},
    ],
    "left_out": {},
    "problems": [{"path": "bad.md", "line": 3, "reason": "not UTF-8: byte 0xff", "skipped": True}],
}
WRITTEN = """<!-- lectern plan -->
### What this does to the book's index

| | added | changed | kept | removed |
|---|---:|---:|---:|---:|
| files | 1 | 1 | 1,200 | 0 |
| chunks | 4 | 2 | 9,000 | 1 |

6 texts to embed with text-embedding-3-small: 2,104 tokens, $0.0000.

#### Problems

- `bad.md:3`: not UTF-8: byte 0xff (skipped)

#### Pages

- added: `new.md`
- changed: `odd'name.md`

"""


class GitHub:
    """The comments of one pull request, over GitHub's REST API; full pages hold 100."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.refuses = False
        self.calls: list[str] = []
        self.server = LoopbackServer(self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def add(self, body: str, kind: str) -> None:
        number = len(self.comments)
        url = f"{self.url}/repos/you/book/issues/comments/{number}"
        self.comments.append({"body": body, "user": {"type": kind}, "url": url})

    async def _serve(self, request: Received, exchange: Exchange) -> None:
        self.calls.append(f"{request.method} {request.path}")
        if self.refuses:
            await exchange.reply(403, {"message": "Resource not accessible by integration"})
        elif request.headers["authorization"] != "Bearer a-token":
            await exchange.reply(401, {"message": "Bad credentials"})
        elif request.method == "GET":
            page = self.calls.count(f"GET {COMMENTS}")
            await exchange.reply(200, self.comments[(page - 1) * 100 : page * 100])
        elif request.method == "POST":
            self.add(request.json()["body"], "Bot")
            await exchange.reply(201, self.comments[-1])
        else:
            comment = self.comments[int(request.path.rpartition("/")[2])]
            comment["body"] = request.json()["body"]
            await exchange.reply(200, comment)


@pytest.fixture
async def github() -> AsyncIterator[GitHub]:
    stand_in = GitHub()
    await stand_in.server.start()
    yield stand_in
    await stand_in.server.stop()


async def run_script(github: GitHub, folder: Path, plan: object = PLAN) -> tuple[int, str]:
    """Its exit code and what it wrote on the page of the run."""
    event, summary = folder / "event.json", folder / "summary.md"
    event.write_text(json.dumps({"number": 7}), encoding="utf-8")
    environment = os.environ | {
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": "you/book",
        "GITHUB_TOKEN": "a-token",
        "no_proxy": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(SCRIPT), env=environment, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    await process.communicate(json.dumps(plan).encode())
    assert process.returncode is not None
    return process.returncode, summary.read_text(encoding="utf-8")


async def test_the_first_plan_of_a_pull_request_is_a_new_comment(github: GitHub, tmp_path: Path) -> None:
    assert await run_script(github, tmp_path) == (0, WRITTEN)
    assert [comment["body"] for comment in github.comments] == [WRITTEN]


async def test_a_later_plan_rewrites_that_comment(github: GitHub, tmp_path: Path) -> None:
    github.add("<!-- lectern plan -->\nof the last push", "Bot")
    await run_script(github, tmp_path)
    assert [comment["body"] for comment in github.comments] == [WRITTEN]


async def test_the_comment_is_found_behind_a_hundred_others(github: GitHub, tmp_path: Path) -> None:
    for number in range(100):
        github.add(f"remark {number}", "User")
    github.add("<!-- lectern plan -->\nof the last push", "Bot")
    await run_script(github, tmp_path)
    assert github.comments[100]["body"] == WRITTEN
    assert len(github.comments) == 101


async def test_a_person_who_quotes_the_comment_keeps_their_own(github: GitHub, tmp_path: Path) -> None:
    github.add("> <!-- lectern plan --> look at this", "User")
    await run_script(github, tmp_path)
    assert [comment["body"] for comment in github.comments] == ["> <!-- lectern plan --> look at this", WRITTEN]


async def test_without_permission_to_comment_the_plan_is_on_the_page_of_the_run(github: GitHub, tmp_path: Path) -> None:
    github.refuses = True
    assert await run_script(github, tmp_path) == (0, WRITTEN)
    assert github.comments == []


async def test_a_plan_without_an_embedding_key_costs_nothing(github: GitHub, tmp_path: Path) -> None:
    await run_script(github, tmp_path, PLAN | {"embedding_model": None, "changes": [], "problems": []})
    assert "No embedding key is set: nothing is embedded." in github.comments[0]["body"]
    assert "####" not in github.comments[0]["body"]


async def test_a_plan_that_was_not_made_is_a_failure(github: GitHub, tmp_path: Path) -> None:
    (tmp_path / "summary.md").touch()
    code, written = await run_script(github, tmp_path, None)
    assert (code != 0, written, github.comments) == (True, "", [])

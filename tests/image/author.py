"""The author at a running container: has the book read and looks at what became of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.image.processes import wait_for
from tests.image.visitor import Answer, request

STAND_IN = "http://127.0.0.1:8001"
PING = ["ping"]
"""How /health asks whether the embedding model is there."""
OVER = {"completed", "failed", "crashed", "cancelled"}
LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Author:
    """Holds the admin key."""

    web: str
    key: str
    question: str
    """What readers ask: not counted among the texts embedded."""

    def start_ingest(self) -> str:
        """The id of a new run, once Prefect can start one."""
        answers: list[Answer] = []

        def started() -> bool:
            answers.append(request(f"{self.web}/ingest", {}, self.key))
            return answers[-1].status == 202

        wait_for(started, LIMIT_S, 0.5)
        return str(answers[-1].body["run_id"])

    def state(self, run_id: str) -> str:
        """A run's state."""
        answer = request(f"{self.web}/ingest/{run_id}")
        return str(answer.body["state"]) if answer.status == 200 else "unknown"

    def ingest(self) -> tuple[str, str]:
        """Read the book again and wait: how it ended, and a line about it."""
        began = time.monotonic()
        run_id = self.start_ingest()
        wait_for(lambda: self.state(run_id) in OVER, LIMIT_S, 0.2)
        run = request(f"{self.web}/ingest/{run_id}").body
        seconds = time.monotonic() - began
        return str(run["state"]), f"{run['state']} in {seconds:.1f} s, chunks {(run['report'] or {}).get('chunks')}"

    def wait_until_idle(self) -> None:
        """No run is on its way."""
        wait_for(self._is_idle, LIMIT_S, 0.5)

    def _is_idle(self) -> bool:
        answer = request(f"{self.web}/ingest/status")
        run = answer.body.get("run") if answer.status == 200 else None
        return run is not None and run["state"] in OVER

    def embedded(self) -> int:
        """Texts of the book embedded so far."""
        seen = request(f"{STAND_IN}/control/requests").body or []
        inputs = [each["body"]["input"] for each in seen if each["endpoint"] == "embeddings"]
        return sum(len(texts) for texts in inputs if texts not in ([self.question], self.question, PING))

    def slow_down_embeddings(self, seconds: float) -> None:
        """Have the next request for embeddings answered only after so long."""
        request(f"{STAND_IN}/control/fail", {"endpoint": "embeddings", "failure": "slow", "times": 1, "seconds": seconds})


@contextmanager
def openai_stand_in(repository: Path) -> Generator[None]:
    """The tests' own OpenAI-compatible server, on a port of this network."""
    command = [sys.executable, "-m", "tests.support.openai.stand_in", "--port", STAND_IN.rpartition(":")[2]]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: request(f"{STAND_IN}/control/requests").status == 200, 20.0)
            yield
        finally:
            process.terminate()

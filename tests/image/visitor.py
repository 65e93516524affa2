"""Readers of the container under trial: single requests, and a crowd that keeps asking and counts what fails."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.image.processes import wait_for

BACK_LIMIT_S = 60.0
"""For a process to come back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0: no answer at all."""

    status: int
    body: Any


def request(
    url: str,
    body: dict[str, Any] | None = None,
    key: str = "",
    timeout_s: float = 10.0,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request with a JSON answer; POST when there is a body. Raises nothing."""
    given = {"Content-Type": "application/json", "Accept": "application/json"} | ({"X-API-Key": key} if key else {})
    given |= headers or {}
    content = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content, given), timeout=timeout_s) as response:
            return Answer(response.status, json.loads(response.read() or b"null"))
    except urllib.error.HTTPError as exc:
        return Answer(exc.code, exc.read().decode("utf-8", "replace"))
    except (OSError, ValueError) as exc:
        return Answer(0, repr(exc))


def wait_until_live(web: str) -> float:
    """Seconds until the web server answers; raises `TimeoutError`."""
    return wait_for(lambda: request(f"{web}/health/live").status == 200, BACK_LIMIT_S)


def sources(answer: Answer) -> int:
    """How many passages an answer has."""
    return len(answer.body["sources"]) if answer.status == 200 else 0


def ask(web: str, question: str) -> Answer:
    """One chat answer in JSON."""
    return request(f"{web}/chat", {"question": question, "stream": False})


@dataclass(slots=True)
class Crowd:
    """Asks the same question every `every_s` seconds until stopped."""

    web: str
    question: str
    every_s: float = 0.5
    asked: int = 0
    failed: list[tuple[float, Answer]] = field(default_factory=list[tuple[float, Answer]])
    """When (monotonic), and what was answered instead."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Crowd:
        self._thread = threading.Thread(target=self._keep_asking)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _keep_asking(self) -> None:
        while not self._stop.wait(self.every_s):
            began = time.monotonic()
            answer = ask(self.web, self.question)
            self.asked += 1
            if answer.status != 200:
                self.failed.append((began, answer))

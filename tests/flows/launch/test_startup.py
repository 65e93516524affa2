"""What becomes of a start whose programs are slow, fail, or answer nonsense: real sockets, a stand-in behind them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows.launch import __main__ as launching
from flows.launch import startup
from flows.launch.startup import RUNS_AT_MOST, WEB_ENDINGS, follow_startup
from flows.launch.supervisor import Launch
from shared.errors import ConfigurationError
from tests.support.loopback_http import Exchange, LoopbackServer, Received

HEALTH = {"chat_model": "extractive", "openai_connected": True, "documents_count": 3, "chunks_count": 7}
ANSWERS: dict[str, object] = {
    "/health": HEALTH,
    "/api/health": True,
    "/api/flow_runs/filter": [],
    "/ingest": {"run_id": "1"},
    "/ingest/1": {"state": "completed"},
}
FAILURES = ("cut", "silent", "500", "429", "nonsense")


class Programs:
    """Web server and Prefect behind one port; each path fails as it was told to, then answers."""

    def __init__(self) -> None:
        self.failures: dict[str, deque[str]] = defaultdict(deque)
        self.answers = dict(ANSWERS)
        self.runs = deque[str]()
        """States in which the runs started here end; then completed."""
        self.asked: dict[str, int] = defaultdict(int)
        self.is_up: Callable[[str], bool] = lambda _path: True

    async def answer(self, request: Received, exchange: Exchange) -> None:
        self.asked[request.path] += 1
        failures = self.failures[request.path]
        failure = failures.popleft() if failures else "" if self.is_up(request.path) else "500"
        match failure:
            case "cut":
                exchange.cut()
            case "silent":
                await exchange.pause(60)
            case "nonsense":
                await exchange.reply(200, "<p>Welcome</p>")
            case "":
                await exchange.reply(200, self._answer(request))
            case status:
                await exchange.reply(int(status), {"detail": "Not now."})

    def _answer(self, request: Received) -> object:
        if request.path == "/ingest/1" and self.runs:
            return {"state": self.runs.popleft(), "message": "It died."}
        return self.answers[request.path]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines for whoever watches; nobody has to wait for them."""
    lines: list[str] = []
    monkeypatch.setattr(startup, "say", lines.append)
    monkeypatch.setattr(launching, "say", lines.append)
    monkeypatch.setattr(startup, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(startup, "SAY_AFTER_S", 0.01)
    return lines


@pytest.fixture
async def programs() -> AsyncIterator[tuple[Programs, str]]:
    programs = Programs()
    server = LoopbackServer(programs.answer)
    await server.start()
    yield programs, f"http://127.0.0.1:{server.port}"
    await server.stop()


@pytest.fixture
def launch(programs: tuple[Programs, str], tmp_path: Path) -> Launch:
    _, url = programs
    return Launch(
        web_url=url, prefect_url=url, own_prefect=True, reads_book=True, admin_key="key", admin_key_file=None,
        prefect_auth=SecretStr("admin:p"), prefect_auth_file=None, logs=tmp_path, started=datetime.now(UTC),
    )  # fmt: skip


@pytest.mark.parametrize("path", ANSWERS)
async def test_whatever_a_request_fails_with_it_is_sent_again_until_the_book_is_read(
    path: str, launch: Launch, programs: tuple[Programs, str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "REQUEST_TIMEOUT_S", 0.5)
    # Prefect's /health counts as up whatever the body says
    failures = [each for each in FAILURES if (path, each) != ("/api/health", "nonsense")]
    programs[0].failures[path].extend(failures)
    await follow_startup(launch)
    assert programs[0].asked[path] > len(failures)
    assert said[-1] == "Ctrl-C stops everything."
    assert not [line for line in said if "could not be read" in line]


@pytest.mark.parametrize(
    "waited_for",
    [
        ("/health", "web", "The web server is still starting ("),
        ("/api/health", "prefect", "Prefect is still starting ("),
        ("/ingest", "worker", "The ingest cannot be started yet ("),
    ],
)
async def test_a_program_that_takes_long_is_waited_for_and_told_of_now_and_then(
    waited_for: tuple[str, str, str], launch: Launch, programs: tuple[Programs, str], said: list[str]
) -> None:
    path, program, line = waited_for
    (launch.logs / f"{program}.log").write_text("first\nmigrating the database\n")

    def waiting() -> list[str]:
        return [each for each in said if each.startswith(line)]

    programs[0].is_up = lambda asked: asked != path or len(waiting()) >= 3
    await follow_startup(launch)
    assert said[-1] == "Ctrl-C stops everything."
    assert all(f": migrating the database (all of it: {launch.logs / program}.log)" in each for each in waiting())
    assert len(waiting()) < programs[0].asked[path]


async def test_a_run_that_crashed_is_started_again(launch: Launch, programs: tuple[Programs, str], said: list[str]) -> None:
    programs[0].runs.extend(["crashed"])
    await follow_startup(launch)
    assert programs[0].asked["/ingest"] == 2
    assert "The ingest crashed (It died.); it is started again." in said


async def test_a_run_that_always_crashes_leaves_the_chat_as_it_is(
    launch: Launch, programs: tuple[Programs, str], said: list[str]
) -> None:
    programs[0].runs.extend(["crashed"] * 9)
    await follow_startup(launch)
    assert programs[0].asked["/ingest"] == RUNS_AT_MOST
    assert "The book could not be read: It died." in said
    assert said[-1] == "Ctrl-C stops everything."


async def test_a_run_that_failed_is_not_started_again(launch: Launch, programs: tuple[Programs, str], said: list[str]) -> None:
    programs[0].runs.extend(["running", "failed"])
    await follow_startup(launch)
    assert programs[0].asked["/ingest"] == 1
    assert "The book could not be read: It died." in said


def supervisor_log(logs: Path, endings: Sequence[str]) -> None:
    """As supervisord writes it."""
    with (logs / "supervisord.log").open("a") as log:
        for name in endings:
            log.write(f"2026-11-28 01:42:20,000 INFO spawned: '{name}' with pid 7\n")
            log.write(f"2026-11-28 01:42:21,000 WARN exited: {name} (exit status 1; not expected)\n")


async def test_a_web_process_that_ends_each_time_ends_the_start_with_its_last_words(
    launch: Launch, programs: tuple[Programs, str], said: list[str]
) -> None:
    (launch.logs / "web.log").write_text("lectern: The port is taken.\n")

    def end_once_asked(path: str) -> bool:
        if path == "/health":
            supervisor_log(launch.logs, ["web"])
        return False

    programs[0].is_up = end_once_asked
    with pytest.raises(ConfigurationError, match=rf"started {WEB_ENDINGS} times and ended: lectern: The port is taken\. \("):
        await follow_startup(launch)
    assert not [line for line in said if "Chat is up" in line]


async def test_ends_of_an_earlier_start_and_of_other_programs_do_not_count(
    launch: Launch, programs: tuple[Programs, str], said: list[str]
) -> None:
    supervisor_log(launch.logs, ["web"] * 2 * WEB_ENDINGS)

    def end_once_asked(path: str) -> bool:
        supervisor_log(launch.logs, ["prefect", "worker"])
        return programs[0].asked[path] > WEB_ENDINGS

    programs[0].is_up = end_once_asked
    await follow_startup(launch)
    assert said[-1] == "Ctrl-C stops everything."


async def test_a_failure_in_following_leaves_the_programs_running(
    launch: Launch, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = asyncio.Event()

    async def fail(_launch: Launch) -> None:
        asyncio.get_running_loop().call_soon(stop.set)
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(launching, "follow_startup", fail)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as supervisor:  # noqa: ASYNC220
        assert await launching.watch(supervisor, launch, stop) == 0
        assert supervisor.poll() is None
    assert said == [
        "The start cannot be followed any further (RuntimeError('nobody thought of this')); what was started goes on."
    ]

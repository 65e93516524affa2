"""What `make up` runs, as a user sees it: one sentence when something is wrong, an answer when nothing is."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from flows.launch.startup import follow_startup
from flows.launch.supervisor import prepare_launch, start_supervisor, stop_supervisor
from shared.errors import ConfigurationError
from shared.ingest_runs import prefect_headers
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.book_folder import write_book
from tests.support.fakes import ADMIN_KEY
from tests.support.openai.stand_in import StandIn
from tests.support.prefect_stage import LIMIT_S, free_port

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("prefect")]


class Launch:
    """`python -m flows.launch` with a book and a data folder of this test."""

    def __init__(self, tmp_path: Path) -> None:
        self.port = free_port()
        self.data_dir = tmp_path / "data"
        self.settings = {"BOOK_SOURCE": str(tmp_path / "book"), "DATA_DIR": str(self.data_dir), "PORT": str(self.port)}
        write_book(tmp_path / "book")

    @asynccontextmanager
    async def started(self, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "flows.launch", cwd=REPOSITORY, env=os.environ | self.settings | settings,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        except BaseException:
            sys.stderr.write(self.log())  # pytest shows it with the failure
            raise
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()

    async def refused(self, **settings: str) -> tuple[int | None, str]:
        """Exit code and all that was said."""
        async with self.started(**settings) as process, asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate()
        return process.returncode, said.decode()

    def log(self) -> str:
        """The end of what each program has written."""
        return "\n".join(path.read_text(errors="replace")[-3_000:] for path in (self.data_dir / "logs").glob("*.log"))

    def processes(self) -> list[str]:
        """Command lines of everything that still runs with this test's data folder."""
        mark = f"DATA_DIR={self.data_dir}".encode()
        found: list[str] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it ended while we looked
                continue
        return [line for line in found if line]


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


async def read_until(process: asyncio.subprocess.Process, end: str) -> list[str]:
    """The lines up to the one with `end`; several programs write to one pipe, so it may stand behind half a line of another."""
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            while not lines or end not in lines[-1]:
                line = await process.stdout.readline()
                assert line, "\n".join(lines)
                lines.append(line.decode().rstrip())
    except TimeoutError:
        raise AssertionError("\n".join([f"{end!r} was not said within {LIMIT_S:.0f} s:", *lines])) from None
    return lines


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not is_so():  # noqa: ASYNC110  processes send no event
            await asyncio.sleep(0.1)


async def test_a_busy_port_is_one_sentence(launch: Launch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", launch.port))
        other.listen()
        code, said = await launch.refused()
    assert (code, said) == (
        1,
        f"lectern: Port {launch.port} is in use by another program; stop it or choose another with PORT=....\n",
    )
    assert not launch.data_dir.exists()


async def test_a_web_server_that_ends_each_time_ends_the_start_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))  # taken after the port was looked at; nobody listens
        settings = Settings(book_source="none", data_dir=tmp_path, host="127.0.0.1", port=other.getsockname()[1])
        for name in ("book_source", "host", "port"):
            monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
        launch = prepare_launch(settings)
        supervisor = start_supervisor(settings, launch)
        try:
            async with asyncio.timeout(LIMIT_S):
                with pytest.raises(ConfigurationError, match=r"^The web server was started 5 times and ended: .*in use"):
                    await follow_startup(launch)
        finally:
            stop_supervisor(supervisor)


async def test_a_missing_folder_and_one_without_markdown_are_one_sentence(launch: Launch, tmp_path: Path) -> None:
    code, said = await launch.refused(BOOK_SOURCE=str(tmp_path / "nowhere"))
    assert (code, said) == (1, f"lectern: The book's folder {str(tmp_path / 'nowhere')!r} does not exist.\n")
    (tmp_path / "empty").mkdir()
    code, said = await launch.refused(BOOK_SOURCE=str(tmp_path / "empty"))
    assert code == 1
    assert said.startswith("lectern: There is no Markdown in ")
    assert said.count("\n") == 1
    assert not launch.data_dir.exists()


async def test_an_unwritable_data_folder_is_one_sentence(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = await launch.refused(DATA_DIR=str(tmp_path / "file" / "data"))
    assert (code, said.count("\n")) == (1, 1)
    assert "cannot be written to: Not a directory." in said


async def test_a_wrong_key_is_one_sentence_without_the_key(launch: Launch, stand_in: StandIn) -> None:
    stand_in.fail("models", "unauthorized")
    code, said = await launch.refused(OPENAI_API_KEY="sk-wrong-key", OPENAI_BASE_URL=stand_in.base_url)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("lectern: OPENAI_API_KEY was refused by 127.0.0.1:")
    assert "sk-wrong-key" not in said
    assert launch.processes() == []


async def test_in_production_a_refused_key_is_told_of_and_the_book_is_quoted(launch: Launch, stand_in: StandIn) -> None:
    stand_in.fail("models", "unauthorized", times=99)
    stand_in.fail("chat", "unauthorized", times=99)
    given = {"ENVIRONMENT": "production", "EMBEDDING_MODEL": "none", "OPENAI_API_KEY": "sk-wrong-key"}
    async with launch.started(**given, OPENAI_BASE_URL=stand_in.base_url) as process:
        said = await read_until(process, "Ctrl-C stops everything.")
        health = await get(launch.port, "/health")
        answer = await ask(launch.port, "What is inverse kinematics?")
    problems = [line for line in said if line.startswith("lectern: ")]
    assert len(problems) == 1
    assert "OPENAI_API_KEY was refused by 127.0.0.1:" in problems[0]
    assert "sk-wrong-key" not in "".join(said)
    assert (health["status"], health["openai_connected"]) == ("degraded", False)
    assert "joints" in answer["answer"]


async def test_a_lectern_without_a_book_answers_from_the_index_it_is_given(launch: Launch) -> None:
    filled = launch.settings | {"EMBEDDING_MODEL": "none"}
    ingest = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flows", "ingest", cwd=REPOSITORY, env=os.environ | filled
    )
    assert await ingest.wait() == 0
    async with launch.started(BOOK_SOURCE="none", EMBEDDING_MODEL="none") as process:
        said = await read_until(process, "Ctrl-C stops everything.")
        answer = await ask(launch.port, "What is inverse kinematics?")
        running = launch.processes()
    assert "answering from 3 pages" in "".join(said)
    assert "Prefect" not in "".join(said)
    assert [line for line in running if "prefect" in line or "flows.orchestration.worker" in line] == []
    assert "joints" in answer["answer"]


async def test_an_ingest_that_is_cancelled_over_http_leaves_the_index_as_it_was(launch: Launch, stand_in: StandIn) -> None:
    model = {"EMBEDDING_BASE_URL": stand_in.base_url, "EMBEDDING_API_KEY": "key", "EMBEDDING_MODEL": "bag-of-words"}
    async with launch.started(**model, EMBEDDING_DIMENSIONS=str(stand_in.dimensions), ADMIN_API_KEY=ADMIN_KEY) as process:
        await read_until(process, "Ctrl-C stops everything.")
        before = await get(launch.port, "/ingest/status")
        write_book(launch.data_dir.parent / "book", {"new.md": "# New\n\nNew words.\n"})
        stand_in.reset()
        stand_in.fail("embeddings", "slow", times=9, seconds=300)
        run = await call(launch.port, "POST", "/ingest")
        async with asyncio.timeout(LIMIT_S):
            while stand_in.count("embeddings") == 0:
                now = await get(launch.port, "/ingest/status")
                assert now["run"]["state"] in {"scheduled", "pending", "running"}, f"{now}\n{launch.log()}"
                await asyncio.sleep(0.2)
        assert (await call(launch.port, "DELETE", f"/ingest/{run['run_id']}"))["run_id"] == run["run_id"]
        async with asyncio.timeout(LIMIT_S):
            while (after := await get(launch.port, "/ingest/status"))["run"]["state"] != "cancelled":  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert after["run"]["run_id"] == run["run_id"]
        assert after["build"] == before["build"]
        assert "joints" in (await ask(launch.port, "What is inverse kinematics?"))["answer"]


async def test_killed_stopped_and_started_again_it_reads_the_book_once(launch: Launch, stand_in: StandIn) -> None:
    model = {
        "EMBEDDING_BASE_URL": stand_in.base_url,
        "EMBEDDING_API_KEY": "key",
        "EMBEDDING_MODEL": "bag-of-words",
        "EMBEDDING_DIMENSIONS": str(stand_in.dimensions),
    }
    stand_in.fail("embeddings", "slow", times=9, seconds=300)
    async with launch.started(**model) as process:
        await read_until(process, "plan")
        process.kill()  # in the middle of the ingest
    await wait_until(lambda: launch.processes() == [])

    stand_in.reset()
    async with launch.started(**model) as process:
        said = await read_until(process, "Ctrl-C stops everything.")
        assert "3 files: 3 added, 0 changed, 0 kept, 0 removed" in said
        answer = await ask(launch.port, "What is inverse kinematics?")
        assert "joints" in answer["answer"]
        assert [source["url"] for source in answer["sources"]][:1] == ["/docs/arms#inverse-kinematics"]
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        await read_until(process, "Stopped.")
        assert await process.wait() == 0
    assert launch.processes() == []

    stand_in.reset()
    async with launch.started(**model) as process:
        said = await read_until(process, "Chat is up")
        assert "answering from 3 pages" in said[-1]
        assert "joints" in (await ask(launch.port, "What is inverse kinematics?"))["answer"]
        said = await read_until(process, "Ctrl-C stops everything.")
        assert "3 files: 0 added, 0 changed, 3 kept, 0 removed" in said
    assert max((len(seen.inputs) for seen in stand_in.seen), default=0) <= 1  # the question, and no text of the book


async def test_no_page_of_another_site_can_have_prefect_run_anything(launch: Launch) -> None:
    async with launch.started(EMBEDDING_MODEL="none") as process:
        said = await read_until(process, "Ctrl-C stops everything.")
        url, file = next(line for line in said if line.startswith("Prefect UI ")).split()[2], launch.data_dir / "prefect-auth"
        auth = file.read_text().strip()
        stranger = {"Origin": "https://evil.example", "Host": f"evil.example:{url.rpartition(':')[2]}"}
        flow = {"name": "stolen"}
        async with httpx.AsyncClient(base_url=f"{url}/api", trust_env=False) as client:
            there = {sent: await client.post("/flows/", json=flow, headers={sent: stranger[sent]}) for sent in stranger}
            with_key = await client.post("/flows/filter", json={}, headers=prefect_headers(SecretStr(auth)))
        commands = "\n".join(launch.processes())
    assert {sent: answer.status_code for sent, answer in there.items()} == {"Origin": 401, "Host": 400}
    assert {flow["name"] for flow in with_key.raise_for_status().json()} == {"ingest-book", "ingest-shard"}
    assert f"(asks for what is in {file})" in "".join(said)
    assert [text for text in ("\n".join(said), launch.log(), commands) if auth in text] == []
    assert "3 files: 3 added, 0 changed, 0 kept, 0 removed" in said


async def ask(port: int, question: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(f"http://127.0.0.1:{port}/chat", json={"question": question, "stream": False})
    return dict(answer.raise_for_status().json())


async def get(port: int, path: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return dict((await client.get(f"http://127.0.0.1:{port}{path}")).raise_for_status().json())


async def call(port: int, method: str, path: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.request(method, f"http://127.0.0.1:{port}{path}", headers={"X-API-Key": ADMIN_KEY})
        return dict(answer.raise_for_status().json())

"""A real Prefect server and worker of a test session, and the REST calls a test needs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from shared.ingest_runs import DEPLOYMENT, prefect_headers
from tests.conftest import REPOSITORY

AUTH = SecretStr("admin:only for these tests")
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
LIMIT_S = 500.0
"""For anything, within the time a test may take (pyproject.toml), so that what was waited for, and what was said meanwhile, is
told. Two busy cores have been seen to take a minute for a cold server."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Stage:
    """One Prefect server; workers come and go."""

    root: Path
    database: str | None = None
    """Address of its Postgres; None: SQLite, which does for one worker."""
    port: int = field(default_factory=free_port)
    server: subprocess.Popen[bytes] | None = None

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def headers(self) -> dict[str, str]:
        """Of whoever may call the API."""
        return prefect_headers(AUTH)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PREFECT_HOME": str(self.root / "prefect"),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_API_AUTH_STRING": AUTH.get_secret_value(),
            "PREFECT_SERVER_API_AUTH_STRING": AUTH.get_secret_value(),
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            **({"PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database} if self.database else {}),
        }

    def start_server(self) -> None:
        self.server = self._start("prefect server", "flows.launch.prefect_server")
        wait_until(lambda: answers(f"{self.api_url}/health"), "the Prefect server")

    def start_worker(self, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """A worker whose runs have these settings; in a process group of its own."""
        return self._start("worker", "flows.orchestration.worker", **settings)

    def _start(self, name: str, module: str, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        with (self.root / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=REPOSITORY, env=self.environment | settings, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3_000:] for path in self.root.glob("*.log"))


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Signal the process and everything it started, and wait for it."""
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        return
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def wait_until(is_so: Any, what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {LIMIT_S:.0f} s for {what}")
        time.sleep(0.1)


class Runs:
    """Ingest runs, through Prefect's REST API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def start(self, *, full: bool = False, deployment: str = DEPLOYMENT) -> str:
        """Id of a new run of the deployment, which is waited for."""
        while (found := await self.client.get(f"/deployments/name/{deployment}")).is_error:  # noqa: ASYNC110  polls a server
            await asyncio.sleep(0.1)
        body = {"parameters": {"full": full}}
        created = await self.client.post(f"/deployments/{found.json()['id']}/create_flow_run", json=body)
        return str(created.raise_for_status().json()["id"])

    async def state(self, run_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/flow_runs/{run_id}")
        return dict(answer.raise_for_status().json()["state"])

    async def name(self, run_id: str) -> str:
        return str((await self.client.get(f"/flow_runs/{run_id}")).raise_for_status().json()["name"])

    async def wait(self, run_id: str) -> dict[str, Any]:
        """The state in which the run ended."""
        async with asyncio.timeout(LIMIT_S):
            while (state := await self.state(run_id))["type"] not in OVER:  # noqa: ASYNC110  polls a server
                await asyncio.sleep(0.1)
        return state

    async def find(self, which: dict[str, Any]) -> list[dict[str, Any]]:
        """The runs of one of Prefect's filters."""
        return list((await self.client.post("/flow_runs/filter", json=which)).raise_for_status().json())

    async def artifacts(self, run_id: str) -> dict[str, Any]:
        """{key: data} of what the run published."""
        body = {"artifacts": {"flow_run_id": {"any_": [run_id]}, "key": {"exists_": True}}}
        found = (await self.client.post("/artifacts/filter", json=body)).raise_for_status().json()
        return {artifact["key"]: artifact["data"] for artifact in found}

    async def tasks(self, run_id: str) -> list[str]:
        """Names of the run's tasks, in order of start."""
        body = {"flow_runs": {"id": {"any_": [run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found = (await self.client.post("/task_runs/filter", json=body)).raise_for_status().json()
        return [task["name"] for task in found]

    async def warnings(self, run_id: str, *, least: int = 1) -> list[tuple[str, str]]:
        """(beginning of the task's name, message) of what the run logged as a warning: at least `least`, which arrive later."""
        body = {"logs": {"flow_run_id": {"any_": [run_id]}, "level": {"ge_": 30}}}
        async with asyncio.timeout(LIMIT_S):
            while len(found := (await self.client.post("/logs/filter", json=body)).raise_for_status().json()) < least:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        tasks = {each["task_run_id"] for each in found} - {None}
        names = {task: (await self.client.get(f"/task_runs/{task}")).raise_for_status().json()["name"] for task in tasks}
        return [(names.get(each["task_run_id"], "").partition(" ")[0], each["message"]) for each in found]

"""The application on a real socket, in this process or in one of its own, and a client that sees the bytes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
from hypercorn.asyncio import serve

from server.__main__ import hypercorn_config
from server.app import create_app
from server.services import Services
from tests.conftest import REPOSITORY
from tests.support.loopback_http import free_port
from tests.support.proxies.replicas import REPLICAS, open_stage, replicate


@dataclass(frozen=True)
class LiveServer:
    """A running server."""

    services: Services
    port: int
    client: httpx.AsyncClient
    stop: asyncio.Event
    serving: asyncio.Future[list[None]]

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A raw connection, reset when it is left."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def is_draining(self) -> bool:
        """What /health says."""
        return (await self.client.get("/health")).json()["status"] == "draining"

    async def ask(self, body: dict[str, Any] | None = None, path: str = "/chat", **headers: str) -> httpx.Response:
        """Ask, and read the answer to its end."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body or {"question": "What moves?"}, headers=named)


@asynccontextmanager
async def serving(services: Services, **config: object) -> AsyncGenerator[LiveServer]:
    """Serve `services` on a free port of the loopback, with Quart's `config` changed; drains as the real process does.

    Where replicas are wanted (`tests/support/proxies/replicas.py`), several do, behind one proxy.
    """
    stop = asyncio.Event()
    served, ports = [services], (0,)
    if REPLICAS > 1:
        stage = await asyncio.to_thread(open_stage)
        served, ports = await asyncio.to_thread(replicate, services), stage.ports
    started = [_start_serving(each, port, stop, config) for each, port in zip(served, ports, strict=True)]
    port = stage.port if REPLICAS > 1 else started[0][0]
    over = asyncio.gather(*(task for _, task in started))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client:
            yield LiveServer(served[0], port, client, stop, over)
    finally:
        for each in served:
            each.drain.closing.set()
        stop.set()
        await over
        for each in {id(one): one for one in (*served, services)}.values():
            await each.aclose()


def _start_serving(
    services: Services, port: int, stop: asyncio.Event, config: dict[str, object]
) -> tuple[int, asyncio.Task[None]]:
    """The port it listens on, any where `port` is 0, and what ends when it has."""
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]

    async def told_to_stop() -> None:
        await stop.wait()
        await services.drain.run(lambda: services.limits.open_streams)

    app = create_app(services.settings, services)
    app.config.update(config)
    task = asyncio.create_task(serve(app, hypercorn_config(listener), shutdown_trigger=told_to_stop))
    return port, task


async def start(
    folder: Path, *, module: str = "server", errors: int | IO[bytes] = asyncio.subprocess.PIPE, **settings: str
) -> asyncio.subprocess.Process:
    """The process, with nothing of this one's environment but these settings; `errors`: where its log goes."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(REPOSITORY), "HOST": "127.0.0.1", "DATA_DIR": str(folder / "data")} | settings
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, cwd=folder, env=environment, stderr=errors)


@asynccontextmanager
async def running(
    folder: Path, *, module: str = "server", errors: int | IO[bytes] = asyncio.subprocess.PIPE, **settings: str
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """The process once it answers, and a client of it; killed when left."""
    port = settings.pop("PORT", None) or str(free_port())
    process = await start(folder, module=module, errors=errors, PORT=port, **settings)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client:

            async def is_up() -> bool:
                assert process.returncode is None
                try:
                    return (await client.get("/health/live")).is_success
                except httpx.TransportError:
                    return False

            await until(is_up)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return when `condition` holds; how long a test may take is said once, in pyproject.toml."""
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        await asyncio.sleep(0.005)


def frames_of(stream: str) -> list[dict[str, Any]]:
    """The JSON of every event in a stream, in order."""
    lines = [line for frame in stream.split("\n\n") for line in frame.split("\n")]
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def text_of(stream: str) -> str:
    """What a reader sees."""
    return "".join(frame["content"] for frame in frames_of(stream))


def request_bytes(body: bytes, *headers: str, path: str = "/chat", method: str = "POST") -> bytes:
    """An HTTP/1.1 request, as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body

"""A small HTTP/1.1 server on the loopback that can misbehave: stall, cut a response, see that its caller left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Received:
    """One request, read whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


class CallerLeftError(Exception):
    """The caller closed the connection before its response was complete."""


class Exchange:
    """The response to one request, written piece by piece."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._left: asyncio.Task[bytes] | None = None

    async def reply(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        """A whole response: JSON, text (HTML) where `body` is a string, or bytes as they are."""
        kind = "text/html" if isinstance(body, str) else "application/json"
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self._head(status, {"content-type": f"{kind}; charset=utf-8", "content-length": str(len(data)), **(headers or {})})
        self._writer.write(data)
        await self._writer.drain()

    async def open_stream(self) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        self._left = asyncio.create_task(self._reader.read(1))
        await self._writer.drain()

    async def send(self, data: bytes) -> None:
        """One HTTP chunk. Raises `CallerLeftError`."""
        if self._left is not None and self._left.done():
            raise CallerLeftError
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def pause(self, seconds: float) -> None:
        """Say nothing for a while. Raises `CallerLeftError` the moment the caller leaves."""
        if self._left is None:
            self._left = asyncio.create_task(self._reader.read(1))
        done, _ = await asyncio.wait({self._left}, timeout=seconds)
        if done:
            raise CallerLeftError

    async def end_stream(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def cut(self) -> None:
        """Reset the connection in the middle of whatever was being said."""
        self._writer.transport.abort()

    async def close(self) -> None:
        if self._left is not None:
            self._left.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._left
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unwell')}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())


Handler = Callable[[Received, Exchange], Awaitable[None]]


class LoopbackServer:
    """Serves one request per connection on 127.0.0.1 until left; `port` 0 takes a free one."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self.port = port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = Exchange(reader, writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, CallerLeftError):
                await self._handler(await _read_request(reader), exchange)
        finally:
            await exchange.close()


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.split("\r\n")
    method, path, _ = request_line.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path.partition("?")[0], headers, body)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

"""Readers over raw sockets: who sees every byte, leaves when told, or never reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.live_server import frames_of, request_bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer as it arrived."""

    status: int
    """Of HTTP; 0: the connection ended before there was one."""
    frames: tuple[dict[str, Any], ...]
    seconds: float
    text: str
    """All of it, head and framing included."""

    @property
    def is_whole(self) -> bool:
        """Whether it is a stream that ends with `done`, once."""
        return (
            self.status == 200
            and [bool(frame.get("done")) for frame in self.frames].count(True) == 1
            and self.frames[-1]["done"]
        )

    @property
    def error(self) -> str | None:
        """Code of the failure the stream tells of."""
        told = [frame["error"] for frame in self.frames if frame.get("type") == "error"]
        return str(told[0]) if told else None


@asynccontextmanager
async def connected(port: int, *, buffer: int = 1 << 16) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection, reset when it is left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=buffer)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def hear(port: int, body: bytes, *headers: str, path: str = "/chat", method: str = "POST") -> Heard:
    """Ask, and read to the end of the connection; one that breaks is a short answer."""
    began, data = time.perf_counter(), b""
    try:
        async with connected(port) as (reader, writer):
            writer.write(request_bytes(body, "Connection: close", *headers, path=path, method=method))
            while piece := await reader.read(1 << 20):
                data += piece
    except OSError:
        pass
    text = data.decode("utf-8", "replace")
    status = int(text.split(" ", 2)[1]) if text.startswith("HTTP/1.1 ") else 0
    streamed = "text/event-stream" in text.partition("\r\n\r\n")[0]
    return Heard(status, tuple(frames_of(text)) if streamed else (), time.perf_counter() - began, text)


async def read_tokens(reader: asyncio.StreamReader, tokens: int) -> None:
    """Return after so many frames, or at the end."""
    seen = 0
    while seen < tokens and (piece := await reader.read(1 << 16)):
        seen += piece.count(b"\ndata: ")

"""A way to a server that breaks in the middle of an answer, once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

LAST_CHUNK = b"0\r\n\r\n"


class CuttingProxy:
    """Passes on what is sent both ways; the first answer that holds `marker` comes as far as that, and the connection is
    reset once `cut` is set: a browser throws away what it has not given to its page yet.

    The server is heard to the end of that answer all the same: it has written what the reader will miss.
    """

    def __init__(self, port: int, marker: bytes) -> None:
        self._server_port = port
        self._marker = marker
        self._is_found = False
        self.cut = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listener.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        asking = asyncio.create_task(_pass_on(reader, to_server))
        try:
            with suppress(OSError):
                await self._answer(from_server, writer)
        finally:
            asking.cancel()
            to_server.transport.abort()
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = b""
        while piece := await reader.read(1 << 16):
            seen += piece
            end = seen.find(self._marker) + len(self._marker)
            if not self._is_found and end >= len(self._marker):
                self._is_found = True
                writer.write(piece[: len(piece) - (len(seen) - end)])
                while not seen.endswith(LAST_CHUNK):
                    seen += await reader.read(1 << 16)
                await self.cut.wait()
                writer.transport.abort()
                return
            writer.write(piece)
            await writer.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()

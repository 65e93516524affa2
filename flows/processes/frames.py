"""Messages between the ingest and its reading processes: four bytes of length, big-endian, then as many bytes."""

from __future__ import annotations

import asyncio
import struct
from typing import BinaryIO

_LENGTH = struct.Struct(">I")


def encode_frame(message: bytes) -> bytes:
    """`message` with its length in front."""
    return _LENGTH.pack(len(message)) + message


def write_frame(stream: BinaryIO, message: bytes) -> None:
    """Send one message now."""
    stream.write(encode_frame(message))
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next message; None when the other side closed its end."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    return stream.read(_LENGTH.unpack(header)[0])


async def receive_frame(stream: asyncio.StreamReader) -> bytes:
    """The next message; raises `asyncio.IncompleteReadError` when the other side closed its end."""
    length = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))[0]
    return await stream.readexactly(length)

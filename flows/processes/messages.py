"""What an ingest and its reading processes say to each other, framed: four bytes of length, big-endian, and as many bytes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from flows.reading.page import Page
from flows.source.files import BookSource
from shared.models import Frozen, Site

_LENGTH = struct.Struct(">I")


class ReadingRules(Frozen):
    """How the pages of one book are read."""

    root: Path
    boundary: Path
    vocabulary: Path
    """Folder of the tokenizer's vocabulary."""
    site: Site
    collection: str
    max_tokens: int
    repository: Path | None = None
    """No file outside it is included in a page; None: outside the boundary."""
    page_limit_s: float = 10.0
    """Processor time that reading one page may take; the longest chapter measured takes 0.3 s."""

    @property
    def included(self) -> BookSource:
        """Where files that pages include are."""
        return BookSource(self.root, self.repository or self.boundary, str(self.root))

    @property
    def source(self) -> BookSource:
        """Where the files are."""
        return BookSource(self.root, self.boundary, str(self.root))


class Ready(Frozen):
    """The reading process has started."""

    exact_tokens: bool
    """False: the vocabulary is missing and tokens are estimated."""


class PageRequest(Frozen):
    """A page to read."""

    path: str
    text: str | None = None
    """Instead of what the file holds."""


class PageRead(Frozen):
    """What became of a page, and what that hung on."""

    page: Page
    text_hash: str | None = None
    """Of the file's text; None: it could not be read, or failed, and is to be tried again."""
    included: Mapping[str, str | None] = {}
    """Of every file that was looked for to be included the hash of its text, None where it is not there."""


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

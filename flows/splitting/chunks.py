"""Units of a page as the chunks that are indexed: ids, headings, addresses, content."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1, sha256
from itertools import takewhile
from pathlib import PurePosixPath
from uuid import UUID

from flows.reading.document import Document
from flows.splitting.measure import MeasuredText, Unit
from shared import content
from shared.models import Chunk, ChunkBlock, Section

NAMESPACE = UUID("6f1d3c1e-6c0a-5b43-9d0e-1c7e5c0f2a11")
"""Of chunk ids; another one would make every id anew."""
NAMESPACE_BYTES = NAMESPACE.bytes
SEPARATOR = "\x1f"
"""Between the parts of an id's name: a character no heading holds."""


MAX_TAG_CHARS = 300


class ChunkBuilder:
    """Makes the chunks of one page, in order."""

    def __init__(self, document: Document, source: MeasuredText, collection: str) -> None:
        self.document = document
        self.source = source
        self.collection = collection
        self.position = 0
        self.names: dict[str, int] = {}
        """How often each id's name was used."""
        self.begun = self.reached = (0, 1)
        """Where the last chunk begins and ends: an offset and its line."""
        self.returns = "\r" in document.text
        self.paths = _heading_paths(document)
        named = document.title == PurePosixPath(document.path).stem and "title" not in document.front_matter
        named = named and all(heading.text != document.title for heading in document.headings)
        self.title = "" if named else document.title
        """Of the content: not the file's name, so that renaming a file changes no content and embeds nothing."""
        self.tags = ", ".join(document.tags)[:MAX_TAG_CHARS]
        """For the page's first chunk, so that the page is found by them. They are no text of the page and never quoted."""

    def chunk(self, units: Sequence[Unit], tokens: int | None) -> Chunk:
        """The chunk these units are. `tokens`: theirs, the line ends behind the last one included; None where not known."""
        document = self.document
        start, end = units[0].start, units[-1].end
        text = document.text[start:end]
        paths = dict.fromkeys(self.paths[unit.heading] for unit in units)
        path = _common([*paths])
        indexed, body_start, sections = self._render(units, path)
        content_hash = sha256(indexed.encode()).hexdigest()
        line, last_line = self._lines(start, end)
        self.position += 1
        return Chunk(
            id=self._id(path, content_hash),
            path=document.path,
            title=document.title,
            version=document.version,
            position=self.position - 1,
            start=start,
            end=end,
            start_line=line,
            end_line=last_line,
            heading_path=path,
            anchor=sections[0].anchor,
            url=sections[0].url,
            sections=sections,
            tokens=self.source.tokens(start, end) if tokens is None else tokens - self.source.tail(end, units[-1].stop),
            text=text,
            content=indexed,
            body_start=body_start,
            content_hash=content_hash,
        )

    def _lines(self, start: int, end: int) -> tuple[int, int]:
        """The first and the last line of what is next; it begins with the one before where both are of one partial."""
        seen, line = self.reached if self.reached[0] <= start else self.begun
        first = line + self._line_ends(seen, start)
        last = first + self._line_ends(start, end)
        self.begun, self.reached = (start, first), (end, last)
        return first, last

    def _line_ends(self, start: int, end: int) -> int:
        """Line ends of any kind; one that reaches beyond `end` belongs to what follows."""
        text = self.document.text
        ends = text.count("\n", start, end)
        return ends + text.count("\r", start, end) - text.count("\r\n", start, end + 1) if self.returns else ends

    def _render(self, units: Sequence[Unit], path: tuple[str, ...]) -> tuple[str, int, tuple[Section, ...]]:
        """The content (`shared/content.py`), its body's start, and its sections; a heading that ends the path is not said."""
        head = content.head(content.breadcrumb(self.title, path), self.tags if self.position == 0 else "")
        named = units[0].kind == "heading" and path and units[0].text == path[-1]
        said, size, before, body_start = [head], len(head), None, -1
        runs: list[tuple[int, int, list[ChunkBlock]]] = []
        blocks: list[ChunkBlock] = []
        current = None
        last = len(units) - 1
        for number, (start, end, _, said_by_unit, _, kind, heading, inner, _, continued, repeated) in enumerate(units):
            goes_on = continued and number > 0 and units[number - 1].stop == start  # a cut block: its head is said once
            ends = len(said_by_unit) - (repeated[1] if number < last and units[number + 1].continued else 0)
            text = said_by_unit[repeated[0] if goes_on else 0 : ends]
            if heading != current:
                current, blocks = heading, []
                runs.append((heading, start, blocks))
            if not text or named:
                named = False
                blocks.append(ChunkBlock(kind, start, end, size, size))
                continue
            between = content.separator(before, kind) if before else content.BLANK_LINE if head else ""
            said += (between, text)
            at, before = size + len(between), kind
            size = at + len(text)
            body_start = at if body_start < 0 else body_start
            blocks.append(ChunkBlock(kind, start, end, at, size))
            if inner:
                blocks += [ChunkBlock(one.kind, one.start, one.end, at + one[3], at + one[4]) for one in inner]
        return "".join(said), size if body_start < 0 else body_start, tuple([self._section(*run) for run in runs])

    def _section(self, heading: int, start: int, blocks: list[ChunkBlock]) -> Section:
        """Not validated: that took a twentieth of the time of splitting a book."""
        anchor, url = self.document.headings[heading].anchor if heading >= 0 else None, self.document.url
        return Section.model_construct(
            start=start,
            heading_path=self.paths[heading],
            anchor=anchor,
            url=f"{url}#{anchor}" if anchor else url,
            blocks=tuple(blocks),
        )

    def _id(self, path: tuple[str, ...], content_hash: str) -> str:
        name = SEPARATOR.join((self.collection, self.document.path, *path, content_hash))
        number = self.names.get(name, 0)
        self.names[name] = number + 1
        return _uuid5(f"{name}{SEPARATOR}{number}")


def _uuid5(name: str) -> str:
    """`str(uuid.uuid5(NAMESPACE, name))`, in a third of the time (RFC 9562, 5.5)."""
    digest = bytearray(sha1(NAMESPACE_BYTES + name.encode(), usedforsecurity=False).digest())
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _heading_paths(document: Document) -> dict[int, tuple[str, ...]]:
    """The path of each heading by its index, of those that name something; empty for -1, before the first."""
    paths: dict[int, tuple[str, ...]] = {-1: ()}
    for index, heading in enumerate(document.headings):
        above = paths[heading.parent]
        paths[index] = (*above, heading.text) if heading.is_name else above
    return paths


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all paths begin with."""
    first = paths[0]
    for path in paths[1:]:
        same = takewhile(lambda pair: pair[0] == pair[1], zip(first, path, strict=False))
        first = tuple([part for part, _ in same])
    return first

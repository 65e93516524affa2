"""markdown-it's tokens as blocks and headings, each with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from flows.document import Block, BlockKind, Heading
from flows.inline import plain

CUSTOM_ID = re.compile(r"\s*(?:\{#([^\s{}]+)\}|\{/\*\s*#([^\s{}]+)\s*\*/\})\s*$")
TASK = re.compile(r"((?:[-*+]|\d+[.)]) )\[[ xX]\][ \t]+")
ALERT = re.compile(r"\[!(\w+)\][-+]?[ \t]*")
UNSEEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
MARKUP_IN_CELLS = re.compile(r"\]\(|\]\[|[<`\\&]|\*\*|__|~~")
MAX_STRUCTURE = 40
"""Nested containers whose structure is kept; what lies deeper is text."""


@dataclass(slots=True)
class Reader:
    """What the blocks of one page are made with, and the headings found on the way."""

    starts: Sequence[int]
    """Offset of each line in the file, and of its end."""
    ends: Sequence[int]
    """Offset behind each line's last non-blank character."""
    lines: Sequence[str] = ()
    """The Markdown that is read, as prepared: as many lines, some of them blank now."""
    references: frozenset[str] = frozenset()
    """Labels of its link definitions."""
    headings: list[Heading] = field(default_factory=list[Heading])
    current: int = -1
    """Index of the heading the next block stands under."""
    tag: tuple[int, int] | None = None
    """Lines of the tag that imports the partial being read: the place of everything in it."""

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Offsets of lines first..last-1, blank ones at the end left out."""
        if self.tag is not None:
            return self.starts[self.tag[0]], self.ends[self.tag[1] - 1]
        while last > first + 1 and not self.lines[last - 1].strip():
            last -= 1
        return self.starts[first], self.ends[last - 1]

    def block(self, kind: BlockKind, token: Token, text: str, prefix: str = "", parts: tuple[Block, ...] = ()) -> Block:
        """A block in the place of `token`."""
        first, last = token.map or (0, 1)
        start, end = self.place(first, last)
        return Block(kind, start, end, text, self.current, prefix, parts)

    def aside(self, first: int, last: int, text: str) -> Block:
        """What a reader sees of lines first..last-1 that the Markdown no longer holds."""
        start, end = self.place(first, last) if self.tag is not None else (self.starts[first], self.ends[last - 1])
        return Block("text", start, end, text, self.current)


def read_blocks(reader: Reader, tokens: Sequence[Token]) -> Iterator[Block]:
    """The blocks of a run of sibling tokens, in order; headings are added to `reader.headings`."""
    position, size = 0, len(tokens)
    while position < size:
        end = closing(tokens, position)
        yield from read_block(reader, tokens, position, end)
        position = end + 1


def closing(tokens: Sequence[Token], position: int) -> int:
    """Index of the token that closes the one at `position`; itself where it stands alone."""
    token = tokens[position]
    if token.nesting == 0:
        return position
    level = token.level
    position += 1
    while tokens[position].level != level:
        position += 1
    return position


def read_block(reader: Reader, tokens: Sequence[Token], first: int, last: int) -> Iterator[Block]:
    """The blocks of the construct that tokens first..last are."""
    token = tokens[first]
    match token.type:
        case "paragraph_open":
            yield reader.block("paragraph", token, plain(tokens[first + 1].content, reader.references).strip())
        case "fence" | "code_block":
            yield _code(reader, token)
        case "heading_open":
            yield _heading(reader, token, tokens[first + 1].content)
        case "table_open":
            yield _table(reader, token)
        case "html_block":
            yield reader.block("html", token, plain(UNSEEN.sub("", token.content), reader.references).strip())
        case "dt_open":
            yield reader.block("definition", token, plain(tokens[first + 1].content, reader.references))
        case "bullet_list_open" | "ordered_list_open" | "dl_open" if token.level < MAX_STRUCTURE:
            yield from read_blocks(reader, tokens[first + 1 : last])
        case _ if last > first:
            yield _container(reader, tokens, first, last)
        case _:
            yield reader.block("text", token, "")


def _heading(reader: Reader, token: Token, content: str) -> Block:
    line = (reader.tag or token.map or (0, 0))[0]
    custom = CUSTOM_ID.search(content)
    inline = content[: custom.start()] if custom else content
    text = plain(inline, reader.references).strip()
    block = reader.block("heading", token, text)
    custom_id = (custom[1] or custom[2]) if custom else None
    heading = Heading(int(token.tag[1]), text, block.start, block.end, line + 1, custom_id, html=inline.strip())
    reader.headings.append(heading)
    return Block("heading", block.start, block.end, text, len(reader.headings) - 1)


def _code(reader: Reader, token: Token) -> Block:
    if token.type == "code_block":
        return reader.block("code", token, token.content.rstrip("\n"))
    if token.info == "math":
        return reader.block("math", token, token.content.rstrip("\n"))
    opening = f"{token.markup}{token.info}".rstrip() + "\n"
    return reader.block("fence", token, f"{opening}{token.content}{token.markup}", opening)


def _table(reader: Reader, token: Token) -> Block:
    first, last = token.map or (0, 0)
    rows = [row.strip() for row in reader.lines[first:last]]
    if MARKUP_IN_CELLS.search("\n".join(rows)):
        rows = [plain(row, reader.references) for row in rows]
    return reader.block("table", token, "\n".join(rows).rstrip(), "\n".join(rows[:2]) + "\n")


def _container(reader: Reader, tokens: Sequence[Token], first: int, last: int) -> Block:
    """A list item, quote, footnote or definition with its parts."""
    token = tokens[first]
    inner = tokens[first + 1 : last]
    if token.level >= MAX_STRUCTURE:
        texts = [plain(each.content, reader.references) for each in inner if each.content]
        return reader.block("text", token, "\n".join(texts))
    parts = tuple(read_blocks(reader, inner))
    text = "\n".join([part.text for part in parts if part.text])
    match token.type:
        case "list_item_open":
            mark = f"{token.info}{token.markup} "
            text = TASK.sub(r"\1", mark + text.replace("\n", "\n" + " " * len(mark)), count=1)
            return reader.block("list_item", token, text, parts=parts)
        case "blockquote_open":
            alert = ALERT.match(text)
            text = f"{alert[1].capitalize()}: {text[alert.end() :]}" if alert else text
            return reader.block("quote", token, text, parts=parts)
        case _:
            kind = "footnote" if token.type == "footnote_reference_open" else "definition"
            return reader.block(kind, token, text, parts=parts)

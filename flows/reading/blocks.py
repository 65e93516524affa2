"""markdown-it's tokens as blocks and headings, each with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from flows.reading.block_parser import closing
from flows.reading.document import Block, Heading, inner_blocks
from flows.reading.extensions.prepared import STAND_IN, Aside
from flows.reading.inline import plain
from flows.reading.inline_syntax import COMMON_MARK, SPECIAL_WITH_MARKS, InlineSyntax
from flows.reading.lines import SourceLines
from shared.models import BlockKind

CUSTOM_ID = re.compile(r"(?<!\s)\s*+(?:\{#([^\s{}]+)\}|\{/\*\s*#([^\s{}]+)\s*\*/\})\s*$")
BRACKETED_ID = re.compile(r"(?<!\s)\s*+\[#([^\[\]]+)\]\s*$")
TASK = re.compile(r"((?:[-*+]|(?<!\d)\d++[.)]) )\[[ xX]\][ \t]+")
ALERT = re.compile(r"\[!(\w+)\][-+]?\s*")
UNSEEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
CELL_END = re.compile(r"(?<!\\)\|")  # an escaped bar ends none, in code too (GFM 4.10)
MAX_STRUCTURE = 40
"""Nested containers whose structure is kept; what lies deeper is text."""


@dataclass(slots=True)
class Reader:
    """What the blocks of one page are made with, and the headings found on the way."""

    source: SourceLines
    """The file."""
    lines: Sequence[str] = ()
    """The Markdown that is read, as prepared: as many lines, some of them blank now."""
    syntax: InlineSyntax = COMMON_MARK
    """How inline markup is read."""
    asides: Mapping[int, Sequence[Aside]] = field(default_factory=dict[int, Sequence[Aside]])
    """What was set aside, by the line of its stand-in."""
    read_partial: Callable[[Aside], Iterable[Block]] = lambda _: ()
    """The blocks of the file that an aside imports."""
    insertions: Mapping[int, str] = field(default_factory=dict[int, str])
    """Text of files that stands in fenced code, by the line in whose place it does."""
    headings: list[Heading] = field(default_factory=list[Heading])
    current: int = -1
    """Index of the heading the next block stands under."""
    tag: tuple[int, int] | None = None
    """Lines of the tag that imports the partial being read: the place of everything in it."""
    before_item: Callable[[int], None] = lambda _: None
    """Told the line of every item of a list of single lines before its block is made."""

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Offsets of lines first..last-1, blank ones at the end left out."""
        if self.tag is not None:
            first, last = self.tag
        else:
            while last > first + 1 and not self.lines[last - 1].strip():
                last -= 1
        return self.source.starts[first], self.source.starts[last - 1] + len(self.source.lines[last - 1].rstrip())

    def end(self, line: int) -> int:
        """Offset behind the last character of a line that is not blank."""
        return self.source.starts[line] + len(self.source.lines[line].rstrip())

    def above(self, level: int) -> int:
        """Index of the heading that one of `level` would stand under here."""
        index = self.current
        while index >= 0 and self.headings[index].level >= level:
            index = self.headings[index].parent
        return index

    def block(self, kind: BlockKind, token: Token, text: str, prefix: str = "") -> Block:
        """A block in the place of `token`."""
        first, last = token.map or (0, 1)
        start, end = self.place(first, last)
        return Block(kind, start, end, text, self.current, prefix)

    def set_aside(self, line: int) -> list[Block] | None:
        """What the stand-in at `line` stands for; None for a rule of the author's."""
        asides = self.asides.get(line)
        return None if asides is None else [block for aside in asides for block in self._aside(aside)]

    def _aside(self, aside: Aside) -> Iterable[Block]:
        if aside.partial is not None:
            return self.read_partial(aside)
        first, last = aside.line, aside.end_line
        start, end = self.place(first, last) if self.tag is not None else (self.source.starts[first], self.end(last - 1))
        return [Block("text", start, end, plain(aside.text, self.syntax).strip(), self.current)]


def read_blocks(reader: Reader, tokens: Sequence[Token], first: int, end: int) -> list[Block]:
    """The blocks of the sibling constructs that tokens first..end-1 are, in order; headings join `reader.headings`."""
    blocks: list[Block] = []
    while first < end:
        last = closing(tokens, first)
        blocks += read_block(reader, tokens, first, last)
        first = last + 1
    return blocks


def read_block(reader: Reader, tokens: Sequence[Token], first: int, last: int) -> list[Block]:
    """The blocks of the construct that tokens first..last are: one, the items of a list, none where there is nothing."""
    token = tokens[first]
    if token.type == "dt_open":
        _place_term(reader, token, tokens[last + 1])
    if token.type in LISTS and token.level < MAX_STRUCTURE:
        return read_blocks(reader, tokens, first + 1, last)
    if token.type == "items":
        return [_item(reader, line) for line in range(*(token.map or ())) if reader.lines[line].strip(" \t")]
    read = READERS.get(token.type)
    if read is not None:
        block = read(reader, token, tokens[first + 1] if last > first else token)
        return [block] if block.start < block.end else []  # of white space that Markdown takes for text
    if last > first:
        return [_container(reader, tokens, first, last)]
    aside = reader.set_aside(token.map[0]) if token.type == "hr" and token.map else None
    return [reader.block("text", token, "")] if aside is None else aside  # a rule, a link definition: nothing a reader reads


def _place_term(reader: Reader, term: Token, definition: Token) -> None:
    """Put a term on its line and its definition below it: mdit-py-plugins gives the one no line and the other the term's."""
    line = (term.map or (0, 0))[0]
    term.map = [line, line + 1]
    first, last = definition.map or (0, 0)
    below = range(max(first, line + 1), last)
    definition.map = [next((number for number in below if reader.lines[number].strip()), first), last]


def _paragraph(reader: Reader, token: Token, inline: Token) -> Block:
    return reader.block("paragraph", token, plain(inline.content, reader.syntax).strip())


def _term(reader: Reader, token: Token, inline: Token) -> Block:
    return reader.block("definition", token, plain(inline.content, reader.syntax).strip())


def _item(reader: Reader, line: int) -> Block:
    """An item of one line at the margin."""
    reader.before_item(line)
    mark, _, text = reader.lines[line].partition(" ")
    start, end = reader.place(line, line + 1)
    return Block("list_item", start, end, _without_box(f"{mark} {plain(text, reader.syntax).strip()}"), reader.current)


def _html(reader: Reader, token: Token, _: Token) -> Block:
    return reader.block("html", token, plain(UNSEEN.sub("", token.content), reader.syntax).strip())


def _heading(reader: Reader, token: Token, behind: Token) -> Block:
    content = behind.content
    line = (reader.tag or token.map or (0, 0))[0]
    custom = CUSTOM_ID.search(content) if "{" in content else None
    if custom is None and reader.syntax.bracketed_ids:
        custom = BRACKETED_ID.search(content)
    inline = content[: custom.start()] if custom else content
    text = plain(inline, reader.syntax).strip()
    start, end = reader.place(*(token.map or (0, 1)))
    custom_id = next(filter(None, custom.groups())) if custom else None
    level = int(token.tag[1])
    parent = reader.above(level)
    reader.headings.append(Heading(level, text, start, end, line + 1, custom_id, parent=parent, html=inline.strip()))
    return Block("heading", start, end, text, len(reader.headings) - 1)


def _code(reader: Reader, token: Token, _: Token) -> Block:
    if token.type == "code_block":
        return reader.block("code", token, _as_written(reader, token).rstrip("\n"))
    if token.info == "math":
        return reader.block("math", token, token.content.rstrip("\n"))
    opening = f"{token.markup}{token.info}".rstrip() + "\n"
    code = _with_insertions(reader, token)
    empty = reader.insertions and not code.strip()  # nothing but an include that was left out
    return reader.block("fence", token, "" if empty else f"{opening}{code}{token.markup}", opening)


def _with_insertions(reader: Reader, token: Token) -> str:
    """Fenced code with the text of the files it includes."""
    first, last = token.map or (0, 0)
    inserted = [line for line in range(first + 1, last) if line in reader.insertions] if reader.insertions else []
    if not inserted:
        return token.content
    lines = token.content.split("\n")
    for line in inserted:
        lines[line - first - 1] = reader.insertions[line]
    return "\n".join(lines)


def _as_written(reader: Reader, token: Token) -> str:
    """Indented code, with what was set aside in it for the mark of an admonition, which in code is none."""
    lines, (first, _) = token.content.split("\n"), token.map or (0, 0)
    for number, line in enumerate(lines):
        if line.strip() == STAND_IN and first + number in reader.asides:
            lines[number] = line.replace(STAND_IN, reader.source.lines[first + number].strip())
    return "\n".join(lines)


def _table(reader: Reader, token: Token, _: Token) -> Block:
    first, last = token.map or (0, 0)
    rows = [row.lstrip(" \t>").rstrip() for row in reader.lines[first:last]]
    if SPECIAL_WITH_MARKS.search("".join(rows)):
        rows = ["|".join([plain(cell.replace("\\|", "|"), reader.syntax) for cell in CELL_END.split(row)]) for row in rows]
    return reader.block("table", token, "\n".join(rows).rstrip(), "\n".join(rows[:2]) + "\n")


def _container(reader: Reader, tokens: Sequence[Token], first: int, last: int) -> Block:
    """A list item, quote, footnote or definition with its parts."""
    token = tokens[first]
    if token.level >= MAX_STRUCTURE:
        texts = [plain(each.content, reader.syntax) for each in tokens[first:last] if each.content]
        return reader.block("paragraph", token, "\n".join(texts))
    parts = tuple(read_blocks(reader, tokens, first + 1, last))
    said = text = "\n".join([part.text for part in parts if part.text])
    indent = 0
    match token.type:
        case "list_item_open":
            kind, mark = "list_item", f"{token.info}{token.markup} "
            indent = len(mark)
            text = _without_box(mark + (text.replace("\n", "\n" + " " * indent) if "\n" in text else text))
        case "blockquote_open":
            kind, alert = "quote", ALERT.match(text)
            if alert:
                text = f"{alert[1].capitalize()}: {text[alert.end() :]}"
                parts = (parts[0]._replace(text=f"{alert[1].capitalize()}: {parts[0].text[alert.end() :]}"), *parts[1:])
                said = text
        case _:
            kind = "footnote" if token.type == "footnote_reference_open" else "definition"
    ahead = len(text) - len(said) - indent * said.count("\n")
    inner = tuple(inner_blocks(parts, said, indent, ahead)) if any(part.kind != "paragraph" for part in parts) else ()
    return reader.block(kind, token, text)._replace(parts=parts, inner=inner)


def _without_box(item: str) -> str:
    """A list item without the box of a task list."""
    return TASK.sub(r"\1", item, count=1) if "[" in item else item


LISTS = frozenset({"bullet_list_open", "ordered_list_open", "dl_open"})
READERS: dict[str, Callable[[Reader, Token, Token], Block]] = {
    "paragraph": _paragraph,
    "paragraph_open": _paragraph,
    "heading": _heading,
    "heading_open": _heading,
    "fence": _code,
    "code_block": _code,
    "table": _table,
    "html_block": _html,
    "dt_open": _term,
}
"""What reads a construct: given its first token and the one behind, which holds the text of a heading or a term."""

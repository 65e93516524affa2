"""A page of the book, read: front matter, headings, and blocks with their place in the file.

1. `caps.py` refuses what would take too long.
2. `frontmatter.py` reads the head.
3. `mdx.py` takes out what Markdown does not know, line by line, so that lines keep their numbers.
4. markdown-it-py finds the blocks (CommonMark plus tables; footnotes and definition lists where a page has them). Only blocks:
   inline markup matters for the cleaned rendering alone, which `inline.py` makes much faster.
5. `blocks.py` gives each its place; titles of admonitions, comments and imported partials are put between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from flows.admonitions import Aside
from flows.blocks import Reader, closing, read_block
from flows.caps import MAX_NESTING, check_caps
from flows.document import Block, Document, Heading, SourceFile
from flows.frontmatter import FrontMatter, parse_front_matter
from flows.inline import label
from flows.mdx import Prepared, prepare
from flows.partials import find_partial
from shared.errors import DocumentError
from shared.models import Problem

MAX_LEVEL = 2 * MAX_NESTING
"""markdown-it counts a list and its item as a level each."""
MAX_PARTIALS = 100
"""Imported partials in one page, those imported by partials included."""
LINE_END = re.compile(r"\r\n?|\n")
FOOTNOTE = re.compile(r"^[ >\t]*\[\^[^\]\n]+\]:", re.MULTILINE)
DEFINITION = re.compile(r"^ {0,3}[:~][ \t]+\S", re.MULTILINE)


def parse(file: SourceFile, files: Mapping[str, str] = {}) -> Document:
    """The page in `file`. `files`: text by path of what pages may import (`_*.mdx`). Raises `DocumentError`."""
    check_caps(file.path, file.text)
    front = parse_front_matter(file.text)
    page = _Page(files, Reader(*_lines(file.text)))
    if front.error is not None:
        page.problems.append(Problem(path=file.path, line=front.error_line, reason=front.error, skipped=False))
    blocks = tuple(page.read(_body(file.text, front), file.path))
    headings = tuple(page.reader.headings)
    return Document(
        path=file.path,
        text=file.text,
        title=_title(file.path, front.values, headings),
        description=str(front.values.get("description") or ""),
        front_matter=front.values,
        headings=headings,
        blocks=blocks,
        problems=tuple(page.problems),
        skip=_skip(file.path, front.values),
        tags=_tags(front.values),
    )


def _body(text: str, front: FrontMatter) -> str:
    """`text` with line feeds only, and blank lines for the front matter."""
    head = "\n" * len(LINE_END.findall(text, 0, front.end))
    body = text[front.end :]
    return head + (LINE_END.sub("\n", body) if "\r" in body else body)


def _lines(text: str) -> tuple[list[int], list[int]]:
    """Where each line starts (and the file ends), and where its last non-blank character ends."""
    starts = [0, *[match.end() for match in LINE_END.finditer(text)], len(text)]
    return starts, [start + len(text[start:end].rstrip()) for start, end in pairwise(starts)]


@cache
def _parser(*, mdx: bool, footnotes: bool, definitions: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_LEVEL, "inline_definitions": True}).enable("table")
    if footnotes:
        parser.use(footnote_plugin)
    if definitions:
        parser.use(deflist_plugin)
    return parser.disable(["code", "html_block"]) if mdx else parser


def _tokens(prepared: Prepared, path: str) -> list[Token]:
    parser = _parser(
        mdx=prepared.mdx,
        footnotes=FOOTNOTE.search(prepared.text) is not None,
        definitions=DEFINITION.search(prepared.text) is not None,
    )
    tokens: list[Token] = []
    parser.block.parse(prepared.text, parser, {}, tokens)
    deepest = max(tokens, key=lambda token: token.level, default=None)
    if deepest is not None and deepest.level >= MAX_LEVEL - 1:
        line = next(token.map[0] + 1 for token in tokens if token.map and token.level >= MAX_LEVEL - 2)
        raise DocumentError(path, line, f"lists and quotes are nested deeper than {MAX_NESTING}")
    return tokens


@dataclass(slots=True)
class _Page:
    """What reading one page gathers, partials it imports included."""

    files: Mapping[str, str]
    reader: Reader
    problems: list[Problem] = field(default_factory=list[Problem])
    partials: int = 0
    importing: tuple[str, ...] = ()

    def read(self, body: str, path: str) -> Iterator[Block]:
        """The blocks of `body`, the text of the file at `path`, in order."""
        prepared = prepare(body, path)
        self.problems.extend(prepared.problems)
        tokens = _tokens(prepared, path)
        reader = self.reader
        reader.lines = prepared.text.split("\n")
        reader.references = frozenset(label(token.meta["label"]) for token in tokens if token.type == "definition")
        scopes = _Scopes(sorted(prepared.regions, key=lambda region: (region[0], -region[1])))
        asides = iter(prepared.asides)
        aside = next(asides, None)
        position = covered = 0
        while position < len(tokens):
            first, last = tokens[position].map or (0, 0)
            while aside is not None and aside.line < first:
                if aside.line >= covered:
                    scopes.enter(reader, aside.line)
                    yield from self._aside(aside, path)
                aside = next(asides, None)
            scopes.enter(reader, first)
            end = closing(tokens, position)
            for block in read_block(reader, tokens, position, end):
                if block.kind == "heading" and last > first:
                    reader.current = block.heading
                yield block
            position, covered = end + 1, last
        while aside is not None:
            if aside.line >= covered:
                yield from self._aside(aside, path)
            aside = next(asides, None)

"""The text below the front matter: markdown-it's tokens and what `extensions/` set aside, in one order, as blocks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from markdown_it.token import Token

from flows.reading.block_parser import closing, parse_blocks
from flows.reading.blocks import Reader, read_block
from flows.reading.document import Block
from flows.reading.extensions.includes import NOT_THERE, WITHIN, find_included, read_include, selected_text
from flows.reading.extensions.jsx import is_mdx
from flows.reading.extensions.prepare import prepare
from flows.reading.extensions.prepared import STAND_IN, Aside, Include, Prepared
from flows.reading.extensions.templates import FENCED, page_variables
from flows.reading.front_matter import FrontMatter, parse_front_matter
from flows.reading.inline_syntax import MARKS, InlineSyntax, label
from flows.reading.input_limits import MAX_FILE_BYTES, MAX_NESTING, check_input
from flows.reading.lines import CONTAINERS, SourceLines, lines_of, with_line_feeds
from flows.reading.long_targets import long_targets, without
from shared.errors import DocumentError
from shared.models import Problem, Site

MAX_LEVEL = 2 * MAX_NESTING
"""markdown-it counts a list and its item as a level each."""
MAX_PARTIALS = 100
"""Imports that one page's text may hold, those of its partials included."""


def _tokens(prepared: Prepared, path: str) -> list[Token]:
    marked = [prepared.lines[number] for number in prepared.marked]
    stand_ins = sorted({aside.line for aside in prepared.asides if prepared.lines[aside.line].strip(" \t>") == STAND_IN})
    tokens = parse_blocks(prepared.lines, marked, stand_ins, mdx=prepared.mdx, max_level=MAX_LEVEL)
    deepest = max([token.level for token in tokens], default=0)
    if deepest >= MAX_LEVEL - 1:
        line = next(token.map[0] + 1 for token in tokens if token.map and token.level >= deepest - 1)
        raise DocumentError(path, line, f"lists and quotes are nested deeper than {MAX_NESTING}")
    return tokens


@dataclass(slots=True)
class BodyReader:
    """What reading one page's text needs and gathers, partials it imports included."""

    files: Mapping[str, str]
    """Text of the files that pages include, by path."""
    site: Site = field(default_factory=Site)
    problems: list[Problem] = field(default_factory=list[Problem])
    partials: int = 0
    """Imports met so far."""
    imported_chars: int = 0

    def read(
        self, reader: Reader, source: SourceLines, front: FrontMatter, path: str, importing: tuple[str, ...] = ()
    ) -> list[Block]:
        """The blocks of the file at `path`, which the files `importing` import, below its front matter."""
        head = bisect_left(source.starts, front.end)
        mdx = is_mdx(path, front.values, self.site.format)
        read = with_line_feeds(source)
        if targets := long_targets(read.text):
            read = lines_of(without(read.text, targets))
        shown = dict[str, str]()
        read = self._with_included(read, path, importing, shown)
        variables = page_variables(self.site.kind, self.site.options.get("variables"), front.values)
        prepared = prepare(read, path, head=head, mdx=mdx, kind=self.site.kind, variables=variables)
        tokens = _tokens(prepared, path)
        self.problems.extend(prepared.problems)
        reader.lines = prepared.lines
        everywhere: list[str] = self.site.options.get("labels", [])
        defined = [token.meta["label"] for token in tokens if token.type == "definition"]
        labels = frozenset(label(name) for name in (*defined, *everywhere))
        reader.syntax = self._syntax(labels, source.text, {**shown, **prepared.templates})
        inserted = prepared.insertions.items()
        reader.insertions = {line: self._inserted(include, path, importing, line) for line, include in inserted}
        asides: defaultdict[int, list[Aside]] = defaultdict(list)
        for aside in prepared.asides:
            asides[aside.line].append(aside)
        reader.asides = asides
        reader.read_partial = lambda aside: self._partial(reader, aside, path, importing)
        scopes = _HeadingScopes(reader, prepared.regions)
        reader.before_item = scopes.enter
        blocks: list[Block] = []
        first = 0
        while first < len(tokens):
            token, last = tokens[first], closing(tokens, first)
            scopes.enter(token.map[0] if token.map else 0)
            blocks += read_block(reader, tokens, first, last)
            if token.type in {"heading", "heading_open"}:
                reader.current = blocks[-1].heading
                scopes.behind = token.map[1] if token.map else 0
            first = last + 1
        return blocks

    def _syntax(self, labels: frozenset[str], text: str, shown: Mapping[str, str]) -> InlineSyntax:
        kind = self.site.kind
        marks = kind == "mkdocs" and MARKS.search(text) is not None
        return InlineSyntax(
            labels,
            cross_references=self.site.cross_references,
            marks=marks,
            roles=kind == "sphinx",
            bracketed_ids=kind == "nextra",
            templates=shown,
        )

    def _partial(self, reader: Reader, aside: Aside, path: str, importing: tuple[str, ...]) -> list[Block]:
        include = aside.partial or Include("", "")
        tag = reader.tag or (aside.line, aside.end_line)
        key = self._find(include, path, importing, tag[0])
        if key is None:
            return []
        text = selected_text(self.files[key], include)
        if include.language is not None:
            start, end = reader.place(*tag)
            opening = f"```{include.language}\n"
            return [Block("fence", start, end, f"{opening}{text.rstrip()}\n```", reader.current, opening)]
        source = lines_of(text)
        check_input(key, source)
        inner = Reader(reader.source, headings=reader.headings, current=reader.current, tag=tag)
        return self.read(inner, source, parse_front_matter(source.text), key, (*importing, path))

    def _inserted(self, include: Include, path: str, importing: tuple[str, ...], line: int) -> str:
        """The text that stands in fenced code in place of a line."""
        key = self._find(include, path, importing, line)
        return "" if key is None else selected_text(self.files[key], include).rstrip("\n")

    def _with_included(self, source: SourceLines, path: str, importing: tuple[str, ...], shown: dict[str, str]) -> SourceLines:
        """`source` with the text of the files that are included within a line, outside of fenced code; noted in `shown`."""
        pattern = WITHIN.get(self.site.kind)
        if pattern is None or not pattern.search(source.text):
            return source
        fence, out = "", list[str]()
        for number, line in enumerate(source.lines):
            if mark := FENCED.match(line):
                fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
            within = partial(self._within, path=path, importing=importing, line=number, shown=shown)
            out.append(line if fence else pattern.sub(within, line))
        return lines_of("\n".join(out))

    def _within(self, match: re.Match[str], *, path: str, importing: tuple[str, ...], line: int, shown: dict[str, str]) -> str:
        """A paragraph's text; nothing, and a problem, where a file is left out. What has the line for itself stays."""
        before, behind = match.string[: match.start()], match.string[match.end() :]
        in_code = self.site.kind == "mkdocs" and before.count("`") % 2
        if in_code or (not behind.strip() and re.fullmatch(CONTAINERS, before)):
            return match[0]
        include = read_include(match[0])
        key = self._find(include, path, importing, line) if include else None
        text = "" if include is None or key is None else selected_text(self.files[key], include).strip()
        if include is not None and re.search(r"\n[ \t\r]*\n", text):
            reason = include.left_out("more than a paragraph stands within a line")
            self.problems.append(Problem(path=(*importing, path)[0], line=line + 1, reason=reason, skipped=False))
            text = ""
        shown[match[0]] = " ".join(text.split())
        return shown[match[0]]

    def _find(self, include: Include, path: str, importing: tuple[str, ...], line: int) -> str | None:
        """The file that is included at `line` of the page at `path`; None, and a problem, where it is left out."""
        key = find_included(include, path, self.files, (*self.site.include_paths, self.site.folder, "", ".."))
        reason = self._refusal(key, (*importing, path))
        if reason is not None:
            reason = include.left_out(reason)
            self.problems.append(Problem(path=(*importing, path)[0], line=line + 1, reason=reason, skipped=False))
        return key if reason is None else None

    def _refusal(self, key: str | None, importing: tuple[str, ...]) -> str | None:
        """Why the file is not read; None when it is."""
        if key is None:
            return NOT_THERE
        if key in importing:
            return "it imports itself"
        self.partials += 1
        self.imported_chars += len(self.files[key])
        if self.partials > MAX_PARTIALS or self.imported_chars > MAX_FILE_BYTES:
            return f"the page imports more than {MAX_PARTIALS} times or {MAX_FILE_BYTES} characters"
        return None


class _HeadingScopes:
    """Sees to it that a heading inside an element or admonition does not reach beyond it, unless it is the last thing there."""

    def __init__(self, reader: Reader, regions: Sequence[tuple[int, int]]) -> None:
        self.reader = reader
        self.waiting = sorted(regions, key=lambda region: (-region[0], region[1]))
        """The next one last."""
        self.open: list[tuple[int, int]] = []
        """(end line, heading to go back to) of those around the line, innermost last."""
        self.behind = 0
        """The line behind the last heading."""

    def enter(self, line: int) -> None:
        """Tell that the block at `line` comes next; lines only rise."""
        while self.waiting and self.waiting[-1][0] <= line:
            start, end = self.waiting.pop()
            self._leave(start)
            self.open.append((end, self.reader.current))
        if self.open:
            self._leave(line)

    def _leave(self, line: int) -> None:
        while self.open and self.open[-1][0] <= line:
            end, before = self.open.pop()
            if self.behind > end or not self._ends_with_heading(end):
                self.reader.current = before

    def _ends_with_heading(self, end: int) -> bool:
        """Whether nothing a reader sees is between the last heading and line `end`: of `<div>` `# Title` `</div>`."""
        for number in range(self.behind, end):
            said = [aside for aside in self.reader.asides.get(number, ()) if aside.text or aside.partial]
            if said or self.reader.lines[number].strip(" \t>") not in {"", STAND_IN}:
                return False
        return True

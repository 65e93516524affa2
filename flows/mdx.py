"""What Markdown does not know, taken out line by line: MDX statements and tags, admonitions, comments, includes.

The result is plain Markdown with *the same number of lines* as the source: line n of one is line n of the other, so every block
markdown-it finds keeps its place in the file, whatever was taken out.

1. MkDocs admonitions lose their margin (see `admonitions`).
2. `import`/`export` statements and JSX tags at the start of a line go, their children stay (mdxjs.com, "What is MDX?").
3. Docusaurus' `:::note[Title]` marks and comments go; what they say is kept as an `Aside`, so that their place stays covered.
4. `$$` blocks become fences, so that they are kept whole.
5. mdBook's and MkDocs' includes go, each with a Problem.

Fenced code is skipped throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from flows import jsx
from flows.admonitions import Aside, outdent
from shared.models import Problem

MARK = re.compile(
    r"""^(?P<prefix>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)
    (?: (?P<fence>`{3,}(?=[^`\n]*$)|~{3,})
      | (?P<container>:{3,})
      | (?P<esm>(?:import|export)\b)
      | (?P<comment><!--|\{/\*)
      | (?P<tag><[/A-Za-z>])
      | (?P<math>\$\$[ \t]*$)
      | (?P<include>\{\{\s*\#\w*include\b[^}\n]*\}\}|;*--8<--[^\n]*)
    )""",
    re.MULTILINE | re.VERBOSE,
)
FENCED = re.compile(r"^[ \t>]*(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*(?:\n(?![ \t>]*\1)[^\n]*)*", re.MULTILINE)
ESM = re.compile(
    r"""import\s*(?:["'][^"'\n]+["']|[\w${}*,\s]+?\sfrom\s*["'])
    | export\s+(?:default\b|const\b|let\b|var\b|function\b|async\b|class\b|\*|\{)""",
    re.VERBOSE,
)
IMPORT = re.compile(r"""import\s+([A-Z]\w*)\s+from\s*["']([^"'\n]+\.mdx?)["']""")
COMPONENT = re.compile(r"^[ \t]*<([A-Z][\w.]*)(?=[\s/>])", re.MULTILINE)
TAG_NAME = re.compile(r"<(/?)([\w$.:-]*)")
LABEL = re.compile(r"""\s(?:label|title)=(?:"([^"]*)"|'([^']*)'|\{\s*["'`]([^"'`]*)["'`]\s*\})""")
CONTAINER = re.compile(r":{3,}[ \t]*(?:([A-Za-z][\w-]*)(?![\w.])[ \t]*(?:\[([^\n]*)\])?([^\n]*))?$", re.MULTILINE)
MATH_END = re.compile(r"^([^\n]*?)(\$\$)[ \t]*$", re.MULTILINE)
MATH_FENCE = "~~~~~~~~~"
"""Longer than any fence an author writes."""
RAW_ELEMENTS = frozenset({"script", "style"})
MAX_FAILED_SCANS = 100
"""Tags left unclosed in one file before the rest is taken as text: keeps hostile input linear."""
MAX_OPEN_ELEMENTS = 200
"""Elements around a line: a closing tag looks no further out for its opening one."""


@dataclass(slots=True)
class Prepared:
    """Markdown without what Markdown does not know."""

    text: str
    asides: list[Aside]
    """In order of their lines."""
    regions: list[tuple[int, int]]
    """Lines (0-based, end exclusive) of each element and admonition: a heading inside one does not reach beyond it."""
    mdx: bool
    """Whether MDX's rules apply: no indented code, no HTML blocks."""
    problems: list[Problem] = field(default_factory=list[Problem])


def prepare(text: str, path: str) -> Prepared:
    """`text` (line feeds only) as Markdown of as many lines.

    A `.md` file is read as MDX when it holds a component: Docusaurus reads all of them so, but in other books `<div>` starts an
    HTML block, and four columns of margin are code.
    """
    outdented = outdent(text)
    mdx = path.endswith(".mdx") or _has_components(outdented.text)
    prepared = Prepared(outdented.text, list(outdented.asides), list(outdented.regions), mdx)
    _Preparation(prepared, path).run()
    if outdented.asides:
        prepared.asides.sort(key=lambda aside: aside.line)
    return prepared


def _has_components(text: str) -> bool:
    """Whether an element with a component's name that is closed, by itself or further on, stands outside fences."""
    if not COMPONENT.search(text):
        return False
    text = FENCED.sub("", text)
    for match in COMPONENT.finditer(text):
        end = jsx.tag_end(text, match.start(1) - 1)
        if end > 0 and (text.startswith("/>", end - 2) or f"</{match[1]}" in text):
            return True
    return False


class _Preparation:
    """One pass over the marks of a text; `edits` are the replacements, in order."""

    def __init__(self, prepared: Prepared, path: str) -> None:
        self.result = prepared
        self.text = prepared.text
        self.path = path
        self.edits: list[tuple[int, int, str]] = []
        self.imports: dict[str, str] = {}
        self.open: list[tuple[str, int]] = []
        self.failed = 0
        self.counted = (0, 0)
        """An offset, and the number of line feeds before it."""

    def run(self) -> None:
        position = 0
        match = MARK.search(self.text)
        while match:
            position = getattr(self, f"_{match.lastgroup}")(match)
            match = MARK.search(self.text, position)
        if self.edits:
            self.result.text = "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        position = 0
        for start, end, replacement in self.edits:
            yield self.text[position:start]
            yield replacement
            position = end
        yield self.text[position:]

    def _line(self, offset: int) -> int:
        """0-based line of an offset; offsets are asked for in rising order."""
        seen, count = self.counted
        count += self.text.count("\n", seen, offset) if offset >= seen else -self.text.count("\n", offset, seen)
        self.counted = (offset, count)
        return count

    def _drop(self, start: int, end: int, instead: str = "") -> int:
        self.edits.append((start, end, instead + "\n" * self.text.count("\n", start, end)))
        return end

    def _aside(self, start: int, end: int, text: str = "", partial: str | None = None) -> None:
        line = self._line(start)
        self.result.asides.append(Aside(line, line + self.text.count("\n", start, end) + 1, text, partial))

    def _fence(self, match: re.Match[str]) -> int:
        mark = match["fence"]
        closing = re.compile(rf"^[ \t>]*{mark[0]}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
        end = closing.search(self.text, match.end())
        return end.end() if end else len(self.text)

    def _math(self, match: re.Match[str]) -> int:
        closing = MATH_END.search(self.text, match.end() + 1)
        if closing is None or closing[1].strip("> \t"):
            return match.end()
        self.edits.append((match.start("math"), match.start("math") + 2, f"{MATH_FENCE}math"))
        self.edits.append((closing.start(2), closing.end(2), MATH_FENCE))
        return closing.end()

    def _esm(self, match: re.Match[str]) -> int:
        start = match.start("esm")
        if match["prefix"] or not self.result.mdx or not self._starts_block(start) or not ESM.match(self.text, start):
            return match.end()
        end = jsx.statement_end(self.text, start)
        for found in IMPORT.finditer(self.text, start, end):
            self.imports[found[1]] = found[2]
        return self._drop(start, end)

    def _starts_block(self, start: int) -> bool:
        """Whether the line above is blank: MDX statements do not interrupt a paragraph."""
        above = self.text.rfind("\n", 0, max(start - 1, 0)) + 1
        return not self.text[above:start].strip()

    def _comment(self, match: re.Match[str]) -> int:
        start, prefix = match.start("comment"), match["prefix"]
        end = self.text.find("-->" if match["comment"] == "<!--" else "*/}", match.end())
        code = not self.result.mdx and len(prefix.expandtabs(4)) > 3
        if end < 0 or code or prefix.strip() or self._rest(end + 3):
            return match.end()
        self._aside(start, end + 3)
        return self._drop(start, end + 3)

    def _rest(self, offset: int) -> str:
        """What stands on the line behind `offset`."""
        end = self.text.find("\n", offset)
        return self.text[offset : end if end >= 0 else len(self.text)].strip()

    def _include(self, match: re.Match[str]) -> int:
        start, end = match.span("include")
        reason = f"include left out: {match['include']!r}; the file it names is not part of this page's text"
        self.result.problems.append(Problem(path=self.path, line=self._line(start) + 1, reason=reason, skipped=False))
        if not match["prefix"]:
            self._aside(start, end)
        return self._drop(start, end)

    def _container(self, match: re.Match[str]) -> int:
        """Docusaurus (remark-directive) admonitions: `:::note[Title]`, `:::note Title`, `:::`; more colons nest."""
        found = CONTAINER.match(self.text, match.start("container"))
        if found is None or match["prefix"].strip():
            return match.end()
        name, line = found[1], self._line(found.start())
        if not name:
            self._close(":::", line + 1)
        else:
            self.open.append((":::", line))
        title = (found[2] or found[3] or "").split("{")[0].strip() or name.capitalize() if name else ""
        if match["prefix"]:  # inside a list item, whose text it must stay part of
            return self._drop(found.start(), found.end(), title)
        self._aside(found.start(), found.end(), title)
        return self._drop(found.start(), found.end())

    def _close(self, name: str, end_line: int) -> None:
        for index in range(len(self.open) - 1, max(len(self.open) - MAX_OPEN_ELEMENTS, 0) - 1, -1):
            if self.open[index][0] == name:
                self.result.regions.append((self.open[index][1], end_line))
                del self.open[index:]
                return

    def _tag(self, match: re.Match[str]) -> int:
        """Take out the tags that start a line, up to the first other character."""
        start = match.start("tag")
        if match["prefix"].strip() or self.failed > MAX_FAILED_SCANS or not self.result.mdx:
            return match.end()
        while self.text.startswith("<", start):
            end = jsx.tag_end(self.text, start)
            if end < 0:
                self.failed += 1
                return start + 1
            end = self._element(start, end)
            start = self._drop(start, end)
            while self.text.startswith((" ", "\t"), start):
                start += 1
        return start

    def _element(self, start: int, end: int) -> int:
        """Note what the tag opens, closes or imports; the offset behind what is taken out with it."""
        found = TAG_NAME.match(self.text, start)
        closes, name = (found[1], found[2]) if found else ("", "")
        if closes:
            self._close(name, self._line(start) + 1)
        elif not self.text.startswith("/>", end - 2):
            self.open.append((name, self._line(start)))
            if name in RAW_ELEMENTS:
                closing = self.text.find(f"</{name}>", end)
                return closing if closing >= 0 else end
        said = LABEL.search(self.text, start, end)
        if name in self.imports or (said and not closes):
            text = next((part for part in said.groups() if part), "") if said else ""
            self._aside(start, end, text, self.imports.get(name))
        return end

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
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice

from flows import jsx
from flows.admonitions import Aside, outdent
from shared.models import Problem

MARK = re.compile(
    r"""(?P<prefix>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)
    (?: (?P<fence>`{3,}(?=[^`]*$)|~{3,})
      | (?P<container>:{3,})
      | (?P<esm>(?:import|export)\b)
      | (?P<comment><!--|\{/\*)
      | (?P<tag><[/A-Za-z>])
      | (?P<math>\$\$[ \t]*$)
      | (?P<include>\{\{\s*\#\w*include\b[^}]*\}\}|;*--8<--.*)
    )""",
    re.VERBOSE,
)
LEAD = " \t>-*+0123456789.)"
FIRST = frozenset("`~:ie<{$;")
"""What a marked line begins with, behind characters of LEAD: other lines are passed over without trying the pattern."""
FENCED = re.compile(r"^[ \t>]*(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*(?:\n(?![ \t>]*\1)[^\n]*)*(?:\n[^\n]*)?", re.MULTILINE)
ESM = re.compile(
    r"""import\s*(?:["'][^"'\n]+["']|[\w${}*,\s]{1,2000}?\sfrom\s*["'])
    | export\s+(?:default\b|const\b|let\b|var\b|function\b|async\b|class\b|\*|\{)""",
    re.VERBOSE,
)
IMPORT = re.compile(r"""import\s+([A-Z]\w*)\s+from\s*["']([^"'\n]+\.mdx?)["']""")
COMPONENT = re.compile(r"^[ \t]*<([A-Z][\w.]*)(?=[\s/>])", re.MULTILINE)
TAG_NAME = re.compile(r"<(/?)([\w$.:-]*)")
LABEL = re.compile(r"""\s(?:label|title)=(?:"([^"]*)"|'([^']*)'|\{\s*["'`]([^"'`]*)["'`]\s*\})""")
CONTAINER = re.compile(r":{3,}[ \t]*(?:([A-Za-z][\w-]*)(?![\w.])[ \t]*(?:\[(.*)\])?(.*))?$")
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

    lines: list[str]
    asides: list[Aside]
    """In order of their lines."""
    regions: list[tuple[int, int]]
    """Lines (0-based, end exclusive) of each element and admonition: a heading inside one does not reach beyond it."""
    mdx: bool
    """Whether MDX's rules apply: no indented code, no HTML blocks."""
    problems: list[Problem] = field(default_factory=list[Problem])


def prepare(lines: Sequence[str], path: str) -> Prepared:
    """`lines` as Markdown of as many lines.

    A `.md` file is read as MDX when it holds a component: Docusaurus reads all of them so, but in other books `<div>` starts an
    HTML block, and four columns of margin are code.
    """
    outdented = outdent(lines)
    mdx = path.endswith(".mdx") or _has_components(outdented.lines)
    prepared = Prepared(outdented.lines, outdented.asides, outdented.regions, mdx)
    titles = len(prepared.asides)
    _Preparation(prepared, path).run()
    if titles:
        prepared.asides.sort(key=lambda aside: aside.line)
    return prepared


def _has_components(lines: Sequence[str]) -> bool:
    """Whether an element with a component's name that is closed, by itself or further on, stands outside fences."""
    if not any(COMPONENT.match(line) for line in lines if "<" in line):
        return False
    text = FENCED.sub("", "\n".join(lines))
    for match in islice(COMPONENT.finditer(text), MAX_FAILED_SCANS):
        end = jsx.tag_end(text, match.start(1) - 1)
        if end > 0 and (text.startswith("/>", end - 2) or f"</{match[1]}" in text):
            return True
    return False


class _Preparation:
    """One pass over the lines that begin with a mark; each method returns the line to go on with."""

    def __init__(self, prepared: Prepared, path: str) -> None:
        self.result = prepared
        self.lines = prepared.lines
        self.path = path
        self.text = ""
        self.starts: list[int] = []
        """Offset of each line in `text`; both are made when something over several lines is first met."""
        self.imports: dict[str, str] = {}
        self.open: list[tuple[str, int]] = []
        self.failed = 0
        self.unclosed: set[str] = set()
        """Comment marks known not to end any more."""

    def run(self) -> None:
        number = 0
        for marked in [index for index, line in enumerate(self.lines) if line.lstrip(LEAD)[:1] in FIRST]:
            if marked >= number and (match := MARK.match(self.lines[marked])):
                number = getattr(self, f"_{match.lastgroup}")(marked, match)

    def _offset(self, number: int, column: int) -> int:
        if not self.starts:
            self.text = "\n".join(self.lines)
            self.starts = [0, *accumulate(len(line) + 1 for line in self.lines)]
        return self.starts[number] + column

    def _drop(self, first: int, end: int, instead: str = "") -> int:
        """Blank what stands between line `first` and offset `end`; the line behind it."""
        last = bisect_right(self.starts, end) - 1
        if end == self.starts[last] and last > first:
            last -= 1
        rest = self.lines[last][end - self.starts[last] :]
        self.lines[first : last + 1] = [""] * (last - first) + [instead + rest.lstrip()]
        return last + 1

    def _fence(self, number: int, match: re.Match[str]) -> int:
        mark = match["fence"]
        for last in range(number + 1, len(self.lines)):
            line = self.lines[last].strip(" \t>")
            if line.startswith(mark) and not line.strip(mark[0]):
                return last + 1
        return len(self.lines)

    def _math(self, number: int, match: re.Match[str]) -> int:
        for last in range(number + 1, len(self.lines)):
            line = self.lines[last].rstrip()
            if line.endswith("$$"):
                if line[:-2].strip("> \t"):
                    break
                self.lines[number] = self.lines[number].replace("$$", f"{MATH_FENCE}math", 1)
                self.lines[last] = line[:-2] + MATH_FENCE
                return last + 1
        return number + 1

    def _esm(self, number: int, match: re.Match[str]) -> int:
        """MDX statements do not interrupt a paragraph."""
        start = self._offset(number, 0)
        interrupts = number > 0 and self.lines[number - 1].strip()
        if match["prefix"] or not self.result.mdx or interrupts or not ESM.match(self.text, start):
            return number + 1
        end = jsx.statement_end(self.text, start)
        for found in IMPORT.finditer(self.text, start, end):
            self.imports[found[1]] = found[2]
        return self._drop(number, end)

    def _comment(self, number: int, match: re.Match[str]) -> int:
        prefix = match["prefix"]
        closing = "-->" if match["comment"] == "<!--" else "*/}"
        start = self._offset(number, match.end())
        end = -1 if closing in self.unclosed else self.text.find(closing, start)
        if end < 0:
            self.unclosed.add(closing)
        code = not self.result.mdx and len(prefix.expandtabs(4)) > 3
        if end < 0 or code or prefix.strip() or self._rest(end + 3):
            return number + 1
        last = self._drop(number, end + 3)
        self.result.asides.append(Aside(number, last))
        return last

    def _rest(self, offset: int) -> str:
        """What stands on the line behind `offset`."""
        end = self.text.find("\n", offset)
        return self.text[offset : end if end >= 0 else len(self.text)].strip()

    def _include(self, number: int, match: re.Match[str]) -> int:
        reason = f"include left out: {match['include']!r}; the file it names is not part of this page's text"
        self.result.problems.append(Problem(path=self.path, line=number + 1, reason=reason, skipped=False))
        rest = self.lines[number][match.end() :]
        self.lines[number] = match["prefix"] + rest
        if not match["prefix"] and not rest.strip():
            self.result.asides.append(Aside(number, number + 1))
        return number + 1

    def _container(self, number: int, match: re.Match[str]) -> int:
        """Docusaurus (remark-directive) admonitions: `:::note[Title]`, `:::note Title`, `:::`; more colons nest."""
        found = CONTAINER.match(self.lines[number].rstrip(), match.start("container"))
        if found is None or match["prefix"].strip():
            return number + 1
        name = found[1]
        if name:
            self.open.append((":::", number))
        else:
            self._close(":::", number + 1)
        title = (found[2] or found[3] or "").split("{")[0].strip() or name.capitalize() if name else ""
        if match["prefix"]:  # inside a list item, whose text it must stay part of
            self.lines[number] = match["prefix"] + title
        else:
            self.lines[number] = ""
            self.result.asides.append(Aside(number, number + 1, title))
        return number + 1

    def _close(self, name: str, end: int) -> None:
        for index in range(len(self.open) - 1, max(len(self.open) - MAX_OPEN_ELEMENTS, 0) - 1, -1):
            if self.open[index][0] == name:
                self.result.regions.append((self.open[index][1], end))
                del self.open[index:]
                return

    def _tag(self, number: int, match: re.Match[str]) -> int:
        """Take out the tags that start a line, up to the first other character."""
        if match["prefix"].strip() or self.failed > MAX_FAILED_SCANS or not self.result.mdx:
            return number + 1
        end = start = self._offset(number, match.start("tag"))
        while self.text.startswith("<", start):
            behind = jsx.tag_end(self.text, start)
            if behind < 0:
                self.failed += 1
                break
            end = start = self._element(start, behind)
            while self.text.startswith((" ", "\t"), start):
                start += 1
        return self._drop(number, end, match["prefix"]) if end > self._offset(number, match.start("tag")) else number + 1

    def _element(self, start: int, end: int) -> int:
        """Note what the tag opens, closes or imports; the offset behind what is taken out with it."""
        found = TAG_NAME.match(self.text, start)
        closes, name = (found[1], found[2]) if found else ("", "")
        number = bisect_right(self.starts, start) - 1
        if closes:
            self._close(name, number + 1)
        elif not self.text.startswith("/>", end - 2):
            self.open.append((name, number))
            if name in RAW_ELEMENTS:
                closing = self.text.find(f"</{name}>", end)
                return closing if closing >= 0 else end
        said = LABEL.search(self.text, start, end)
        if name in self.imports or (said and not closes):
            text = next((part for part in said.groups() if part), "") if said else ""
            last = bisect_right(self.starts, end - 1)
            self.result.asides.append(Aside(number, last, text, self.imports.get(name)))
        return end

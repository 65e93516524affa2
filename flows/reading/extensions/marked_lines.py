"""The lines of a page that begin with a mark Markdown does not know, and what becomes of them (see `prepare.py`)."""

from __future__ import annotations

import re
from bisect import bisect_right

from flows.reading.extensions import jsx
from flows.reading.extensions.comments import Comments
from flows.reading.extensions.prepared import STAND_IN, Aside, Prepared
from flows.reading.lines import CONTAINERS, SourceLines
from shared.models import Problem

MARK = re.compile(
    rf"""(?P<prefix>{CONTAINERS})
    (?: (?P<fence>`{{3,}}(?=[^`]*$)|~{{3,}})
      | (?P<container>:{{3,}})
      | (?P<esm>(?:import|export)\b)
      | (?P<comment><!--|\{{[ \t]*(?:/\*|$))
      | (?P<tag><[/A-Za-z>])
      | (?P<math>\$\$[ \t]*$)
    )""",
    re.VERBOSE,
)
INCLUDE = re.compile(r"(?P<prefix>[ \t]*)(?P<include>\{\{\s*\#\w*include\b[^}]*\}\}|;*--8<--.*)")
ESM = re.compile(
    r"""import\s*(?:["'][^"'\n]+["']|[\w${}*,\s]{1,2000}?\sfrom\s*["'])
    | export\s+(?:default\b|const\b|let\b|var\b|function\b|async\b|class\b|\*|\{)""",
    re.VERBOSE,
)
IMPORT = re.compile(r"""import\s+([A-Z]\w*)(?:\s*,\s*\{[^{}]*\})?\s+from\s*["']([^"'\n]+\.mdx?)["']""")
ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
TAG_NAME = re.compile(r"<(/?)([\w$.:-]*)")
LABEL = re.compile(r"""\s(?:label|title|alt)=(?:"([^"]*)"|'([^']*)'|\{\s*["'`]([^"'`]*)["'`]\s*\})""")
TAB_LABEL = re.compile(r"""\blabel\s*:\s*(?:"([^"\n]*)"|'([^'\n]*)')""")
CONTAINER = re.compile(r":{3,}[ \t]*(?:([A-Za-z][\w-]*)(?![\w.])[ \t]*(?:\[(.*)\])?(.*))?$")
MATH_FENCE = "~~~~~~~~~"
"""Longer than any fence an author writes."""
RAW_ELEMENTS = frozenset({"script", "style"})
MAX_MARGIN = 3
"""Columns that make no indented code (CommonMark 4.4)."""
MAX_LINES_BACK = 200
"""How far above a mark its list item is looked for."""
MAX_FAILED_SCANS = 100
"""Tags left unclosed in one file before the rest is taken as text: keeps hostile input linear."""
MAX_OPEN_ELEMENTS = 200
"""Elements around a line: a closing tag looks no further out for its opening one."""


class MarkedLines:
    """One pass over the lines that begin with a mark; each method returns the line to go on with."""

    def __init__(self, prepared: Prepared, source: SourceLines, path: str) -> None:
        self.result = prepared
        self.lines = prepared.lines
        self.path = path
        self.text, _, self.starts = source
        self.imports: dict[str, str] = {}
        self.open: list[tuple[str, int]] = []
        self.waiting: list[Aside] = []
        """Of the tags that are being taken out."""
        self.fence = ""
        """Opening mark of the fence around the line."""
        self.failed = 0
        self.comments = Comments(self.text)

    def take_out(self) -> None:
        """Take out what the lines mark."""
        number = 0
        for marked in self.result.marked:
            if marked < number:
                continue
            if self.fence:
                self._in_fence(marked)
            elif match := MARK.match(self.lines[marked]) or INCLUDE.match(self.lines[marked]):
                number = getattr(self, f"_{match.lastgroup}")(marked, match)

    def _drop(self, first: int, end: int, instead: str = "") -> int:
        """Blank what stands between line `first` and offset `end`; the line behind it."""
        last = bisect_right(self.starts, end) - 1
        if end == self.starts[last] and last > first:
            last -= 1
        rest = self.lines[last][end - self.starts[last] :]
        self.lines[first : last + 1] = [""] * (last - first) + [instead + rest.lstrip()]
        return last + 1

    def _set_aside(self, aside: Aside, prefix: str) -> None:
        """Let a stand-in take the place of `aside`, as far in as that stood; where other text is left, it goes before it."""
        line = self.lines[aside.line]
        if line.strip(" \t") in {"", STAND_IN, prefix.strip()}:
            self.lines[aside.line] = prefix + STAND_IN
            self.result.asides.append(aside)
        elif aside.partial:
            self._problem(aside.line, f"imported {aside.partial!r} left out: other text stands beside its tag")
        elif aside.text:
            self.lines[aside.line] = f"{prefix}{aside.text} {line.lstrip()}"

    def _begins_block(self, number: int) -> bool:
        """Whether no text stands right above the line."""
        return number == 0 or self.lines[number - 1].strip() in {"", STAND_IN}

    def _is_code(self, number: int, prefix: str) -> bool:
        """Whether the margin before a mark makes it indented code: none does in MDX, nor one that is a list item's."""
        columns = len(prefix.expandtabs(4))
        if self.result.mdx or prefix.strip() or columns <= MAX_MARGIN:
            return False
        outermost = columns
        for line in reversed(self.lines[max(number - MAX_LINES_BACK, 0) : number]):
            margin = len(line) - len(line.lstrip())
            if not line.strip() or margin >= outermost:
                continue
            if item := ITEM.match(line):
                return columns - item.end() > MAX_MARGIN
            outermost = margin
            if not margin:
                break
        return True

    def _problem(self, number: int, reason: str) -> None:
        self.result.problems.append(Problem(path=self.path, line=number + 1, reason=reason, skipped=False))

    def _fence(self, number: int, match: re.Match[str]) -> int:
        self.fence = match["fence"]
        return number + 1

    def _in_fence(self, number: int) -> None:
        line = self.lines[number].strip(" \t>")
        if line.startswith(self.fence) and not line.strip(self.fence[0]):
            self.fence = ""
        elif match := INCLUDE.match(self.lines[number]):
            self._include(number, match)

    def _math(self, number: int, match: re.Match[str]) -> int:
        for last in range(number + 1, len(self.lines)):
            line = self.lines[last].rstrip()
            if line.endswith("$$"):
                if line[:-2].strip("> \t"):
                    break
                self.lines[number] = f"{match['prefix']}{MATH_FENCE}math"
                self.lines[last] = line[:-2] + MATH_FENCE
                return last + 1
        return number + 1

    def _esm(self, number: int, match: re.Match[str]) -> int:
        """MDX statements do not interrupt a paragraph."""
        start = self.starts[number]
        if match["prefix"] or not self.result.mdx or not self._begins_block(number) or not ESM.match(self.text, start):
            return number + 1
        end = jsx.statement_end(self.text, start)
        for found in IMPORT.finditer(self.text, start, end):
            self.imports[found[1]] = found[2]
        return self._drop(number, end)

    def _comment(self, number: int, match: re.Match[str]) -> int:
        prefix = match["prefix"]
        end = self.comments.end(self.starts[number] + match.start("comment"))
        if end < 0 or self._rest(end) or self._is_code(number, prefix):
            return number + 1
        if prefix.strip():
            return self._quoted_comment(number, end) if self.result.mdx and prefix.strip("> \t") == "" else number + 1
        last = self._drop(number, end)
        self._set_aside(Aside(number, last), prefix)
        return last

    def _quoted_comment(self, number: int, end: int) -> int:
        """A comment in a quote leaves only the quote's marks: its lines may be blank, and would end what is inline."""
        last = bisect_right(self.starts, end)
        self.lines[number:last] = [line[: len(line) - len(line.lstrip("> \t"))] for line in self.lines[number:last]]
        return last

    def _rest(self, offset: int) -> str:
        """What stands on the line behind `offset`."""
        end = self.text.find("\n", offset)
        return self.text[offset : end if end >= 0 else len(self.text)].strip()

    def _include(self, number: int, match: re.Match[str]) -> int:
        self._problem(number, f"include left out: {match['include']!r}; the file it names is not part of this page's text")
        rest = self.lines[number][match.end() :]
        self.lines[number] = match["prefix"] + rest
        if not self.fence and not rest.strip():
            self._set_aside(Aside(number, number + 1), match["prefix"])
        return number + 1

    def _container(self, number: int, match: re.Match[str]) -> int:
        """Docusaurus (remark-directive) admonitions: `:::note[Title]`, `:::note Title`, `:::`; more colons nest."""
        found = CONTAINER.match(self.lines[number].rstrip(), match.start("container"))
        if found is None or self._is_code(number, match["prefix"]):
            return number + 1
        name = found[1]
        if name:
            self.open.append((":::", number))
        else:
            self._close(":::", number + 1)
        title = f"{found[2] or ''}{found[3]}".split("{")[0].strip() or name.capitalize() if name else ""
        self.lines[number] = ""
        self._set_aside(Aside(number, number + 1, title), match["prefix"])
        return number + 1

    def _close(self, name: str, end: int) -> None:
        for index in range(len(self.open) - 1, max(len(self.open) - MAX_OPEN_ELEMENTS, 0) - 1, -1):
            if self.open[index][0] == name:
                self.result.regions.append((self.open[index][1], end))
                del self.open[index:]
                return

    def _tag(self, number: int, match: re.Match[str]) -> int:
        """Take out the tags that start a line, up to the first other character."""
        if self.failed > MAX_FAILED_SCANS or not self.result.mdx:
            return number + 1
        first = end = start = self.starts[number] + match.start("tag")
        while self.text.startswith("<", start):
            behind = jsx.tag_end(self.text, start)
            if behind < 0:
                self.failed += 1
                break
            end = start = self._element(start, behind)
            while self.text.startswith((" ", "\t"), start):
                start += 1
        if end == first or (match["prefix"].strip() and "\n" in self.text[first:end]):  # over lines of a quote: inline markup
            self.waiting.clear()
            return number + 1
        last = self._drop(number, end, match["prefix"])
        for aside in self.waiting:
            self._set_aside(aside, match["prefix"])
        self.waiting.clear()
        return last

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
        text = "" if closes else self._shown_attributes(name, start, end)
        if name in self.imports or text:
            self.waiting.append(Aside(number, bisect_right(self.starts, end - 1), text, self.imports.get(name)))
        return end

    def _shown_attributes(self, name: str, start: int, end: int) -> str:
        """What a tag's attributes show; `<Tabs values={[{label: 'A'}, {label: 'B'}]}>` names its tabs."""
        said = LABEL.search(self.text, start, end)
        labels = TAB_LABEL.findall(self.text, start, end) if name == "Tabs" else []
        return next(filter(None, said.groups()), "") if said else ", ".join(one or other for one, other in labels)

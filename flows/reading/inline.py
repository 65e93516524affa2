"""Inline Markdown and MDX to plain text: what a reader sees, without markup, link targets and tags.

A linear renderer of its own (CommonMark 0.31 chapter 6) instead of markdown-it's inline parser: that one is quadratic on nested
brackets, knows no JSX, and most paragraphs hold no markup at all.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection
from html import unescape

from flows.reading.emphasis import Emphases
from flows.reading.extensions.comments import Comments
from flows.reading.extensions.jsx import tag_end

SPECIAL = re.compile(r"[\\`*_\[\]<&{~$]")
ESCAPE = re.compile(r"\\[!-/:-@\[-`{-~]")
TICKS = re.compile("`+")
CODE = re.compile("(`+)([^`]+)\\1(?!`)")
"""A code span without other runs of backticks in it."""
LINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+)>")
STRING = r""""[^"]*"|'[^']*'"""
INNER = rf"""(?:[^{{}}"'`]|{STRING}|`[^`]*`)"""
EXPRESSION = rf"""\{{(?:{INNER}|\{{{INNER}*\}})*\}}"""
"""Braces inside braces once, as in `style={{color: 'red'}}`."""
TAG = re.compile(
    rf"""</?(?:([A-Z][\w.:-]*|[a-z][A-Za-z0-9.:-]*)(?:\s+[\w:.@-]+(?:\s*=\s*(?:{STRING}|{EXPRESSION}|[^\s"'=<>`{{}}]+))?|\s*{EXPRESSION})*)?\s*/?>"""
)
ALT = re.compile(r"""\salt=(?:"([^"]*)"|'([^']*)')""")
LITERAL = re.compile(r"""\{\s*(?:"([^"\n]*)"|'([^'\n]*)'|`([^`$\n]*)`)\s*\}""")
ATTRIBUTE = rf"""(?:[.#][A-Za-z][\w:-]*|[A-Za-z][\w-]*=(?:{STRING}|[^\s{{}}"'=]+))"""
ATTRIBUTES = re.compile(rf"(?<!\{{)\{{(?::|(?<=[])`*_]\{{)|(?=[ ]*[.#]))[ ]*{ATTRIBUTE}(?:[ ]+{ATTRIBUTE})*[ ]*\}}(?!\}})")
"""Python-Markdown's attribute lists: `{ .class #id }`, `{: key=value }`; without a colon, those that begin with a key stand
right behind what they are for."""
ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6});")
MATH = re.compile(r"\$\$(?:[^$\\`]|\\.)++\$\$|\$(?![\s$])(?:[^$\\`]|\\.)++(?<!\s)\$(?![\d$])")
"""A formula begins and ends beside what is no space, with no digit behind it: prices are none (pandoc, `tex_math_dollars`)."""
FOOTNOTE = re.compile(r"\[\^[^\[\]\s]+\]")
DESTINATION = re.compile(
    r"""\(\s*(?:<[^<>\n]*>|(?:[^\s()<>\\]|\\.|\((?:[^\s()\\]|\\.)*\))*)(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)
LABEL = re.compile(r"\[([^\[\]]*)\]")
DELIMITER = re.compile(r"\*+|_+|~~+")
BREAKING_TAGS = frozenset({"br", "p", "div", "li", "tr", "td", "th", "hr", "summary", "details", "dt", "dd"})
"""Tags that stand between words a reader sees apart."""
MAX_FAILED_SCANS = 20
"""Components left unclosed in one text before the rest is taken as text: keeps hostile input linear."""
MAX_LABEL_CHARS = 999
"""CommonMark 0.31, 4.7: a link label has at most 999 characters."""


def plain(text: str, references: Collection[str] = ()) -> str:
    """`text` as a reader sees it, on one line. `references`: labels defined in the page, normalised by `label()`."""
    if "\n" in text:
        text = " ".join([line.strip(" \t\r") for line in text.replace("\\\n", "\n").split("\n")])
    first = SPECIAL.search(text)
    return _Renderer(text, references).render(first) if first else text


def label(text: str) -> str:
    """A link label as CommonMark compares them: case folded, white space collapsed."""
    return " ".join(text.split()).casefold()


class _Renderer:
    """One pass over the special characters of a text.

    `out` holds the pieces; brackets and emphasis marks are undone in place when their end is found. Each method takes the
    offset of a special character, and returns the one to go on from: the same one where the character is only itself.
    """

    def __init__(self, text: str, references: Collection[str]) -> None:
        self.text = text
        self.references = references
        self.out: list[str] = []
        self.brackets: list[tuple[int, int]] = []
        """Index into `out` and offset behind each bracket still open."""
        self.linked = 0
        """How many of them hold a link already, and so cannot be one."""
        self.emphases = Emphases()
        self.ticks: dict[int, deque[int]] | None = None
        """Offsets of the runs of backticks ahead, by their length."""
        self.failed = 0
        """Components that did not end."""
        self.comments = Comments(text)

    def render(self, match: re.Match[str] | None) -> str:
        """The text; `match`: its first special character."""
        text, out, search = self.text, self.out, SPECIAL.search
        position = 0
        while match:
            start = match.start()
            if start > position:
                out.append(text[position:start])
            position = METHODS[text[start]](self, start)
            if position == start:
                out.append(text[start])
                position += 1
            match = search(text, position)
        out.append(text[position:])
        return "".join(out)

    def escape(self, start: int) -> int:
        if not ESCAPE.match(self.text, start):
            return start
        self.out.append(self.text[start + 1])
        return start + 2

    def code(self, start: int) -> int:
        """A code span ends at the next run of as many backticks (CommonMark 6.1)."""
        span = CODE.match(self.text, start) if self.ticks is None else None
        begin, end, behind = (*span.span(2), span.end()) if span else self._code_span(start)
        code = self.text[begin:end]
        padded = code[:1] == code[-1:] == " " and not code.isspace()
        self.out.append(code[1:-1] if padded else code)
        return behind

    def _code_span(self, start: int) -> tuple[int, int, int]:
        """Where its code begins and ends, and what is behind it, with other runs in the way; itself where none ends it."""
        if self.ticks is None:
            self.ticks = {}
            for run in TICKS.finditer(self.text):
                self.ticks.setdefault(len(run[0]), deque()).append(run.start())
        end = start
        while self.text.startswith("`", end):
            end += 1
        runs = self.ticks.get(end - start, deque())
        while runs and runs[0] <= start:
            runs.popleft()
        return (end, runs[0], runs[0] + end - start) if runs else (start, end, end)

    def angle(self, start: int) -> int:
        """A comment, an address in angle brackets, or a tag."""
        text = self.text
        if (end := self.comments.end(start)) >= 0:
            return end
        if link := LINK.match(text, start):
            self.out.append(link[1])
            return link.end()
        tag = TAG.match(text, start)
        if tag is None:
            return self._component(start)
        name = (tag[1] or "").lower()
        if name in BREAKING_TAGS:
            self.out.append(" ")
        elif name == "img" and (alt := ALT.search(tag[0])):
            self.out.append(unescape(alt[1] or alt[2] or ""))
        return tag.end()

    def _component(self, start: int) -> int:
        """A component with braces deeper than TAG knows."""
        if not self.text[start + 1 : start + 2].isupper() or self.failed > MAX_FAILED_SCANS:
            return start
        end = tag_end(self.text, start)
        self.failed += end < 0
        return end if end >= 0 else start

    def brace(self, start: int) -> int:
        """An MDX comment and an attribute list go, a string literal is its text, any other expression stays as it is."""
        if (end := self.comments.end(start)) >= 0:
            return end
        if attributes := ATTRIBUTES.match(self.text, start):
            return attributes.end()
        literal = LITERAL.match(self.text, start)
        if literal is None:
            return start
        self.out.append(literal[1] or literal[2] or literal[3] or "")
        return literal.end()

    def entity(self, start: int) -> int:
        entity = ENTITY.match(self.text, start)
        if entity is None:
            return start
        self.out.append(unescape(entity[0]))
        return entity.end()

    def math(self, start: int) -> int:
        formula = MATH.match(self.text, start)
        if formula is None:
            return start
        self.out.append(formula[0])
        return formula.end()

    def open(self, start: int) -> int:
        if footnote := FOOTNOTE.match(self.text, start):
            return footnote.end()
        image = bool(self.out) and start > 0 and self.text[start - 1] == "!" and self.text[start - 2 : start - 1] != "\\"
        if image:
            self.out[-1] = self.out[-1][:-1]
        self.brackets.append((len(self.out), start + 1))
        self.out.append("![" if image else "[")
        return start + 1

    def close(self, start: int) -> int:
        if not self.brackets:
            return start
        opener, behind = self.brackets.pop()
        image = self.out[opener] == "!["
        end = self._target(behind, start) if image or len(self.brackets) >= self.linked else -1
        if end < 0:
            self.linked = min(self.linked, len(self.brackets))
            return start
        self.linked = min(self.linked, len(self.brackets)) if image else len(self.brackets)
        self.out[opener] = ""
        self.emphases.forget(opener)  # what opens inside a link does not end outside
        return end

    def _target(self, start: int, end: int) -> int:
        """Where the link whose text is start..end ends; -1 where the brackets are only brackets."""
        destination = DESTINATION.match(self.text, end + 1)
        if destination:
            return destination.end()
        if not self.references:
            return -1
        reference = LABEL.match(self.text, end + 1)
        if reference and reference[1].strip():
            return reference.end() if label(reference[1]) in self.references else -1
        if end - start <= MAX_LABEL_CHARS and label(self.text[start:end]) in self.references:
            return reference.end() if reference else end + 1
        return -1

    def emphasis(self, start: int) -> int:
        run = DELIMITER.match(self.text, start)
        if run is None:  # one tilde
            return start
        self.emphases.add(self.text, start, run.end(), self.out)
        return run.end()


METHODS: dict[str, Callable[[_Renderer, int], int]] = {
    "\\": _Renderer.escape,
    "`": _Renderer.code,
    "<": _Renderer.angle,
    "{": _Renderer.brace,
    "&": _Renderer.entity,
    "$": _Renderer.math,
    "[": _Renderer.open,
    "]": _Renderer.close,
    "*": _Renderer.emphasis,
    "_": _Renderer.emphasis,
    "~": _Renderer.emphasis,
}

"""Inline Markdown and MDX to plain text: what a reader sees, without markup, link targets and tags.

A linear renderer of its own (CommonMark 0.31 chapter 6) instead of markdown-it's inline parser: that one is quadratic on nested
brackets, knows no JSX, and most paragraphs hold no markup at all.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from html import unescape

from flows.reading import inline_syntax as marks
from flows.reading.emphasis import Emphases
from flows.reading.extensions.comments import Comments
from flows.reading.extensions.jsx import tag_end
from flows.reading.inline_syntax import COMMON_MARK, InlineSyntax, key_names, role_text


def plain(text: str, syntax: InlineSyntax = COMMON_MARK) -> str:
    """`text` as a reader sees it, on one line."""
    if "\n" in text:
        text = " ".join([line.strip(" \t\r") for line in text.replace("\\\n", "\n").split("\n")])
    first = (marks.SPECIAL_WITH_MARKS if syntax.marks else marks.SPECIAL).search(text)
    return Renderer(text, syntax).render(first) if first else text


class Renderer:
    """One pass over the special characters of a text.

    `out` holds the pieces; brackets and emphasis marks are undone in place when their end is found. Each method takes the
    offset of a special character, and returns the one to go on from: the same one where the character is only itself.
    """

    def __init__(self, text: str, syntax: InlineSyntax) -> None:
        self.text = text
        self.syntax = syntax
        self.special = marks.SPECIAL_WITH_MARKS if syntax.marks else marks.SPECIAL
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
        text, out, search = self.text, self.out, self.special.search
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
        if not marks.ESCAPE.match(self.text, start):
            return start
        self.out.append(self.text[start + 1])
        return start + 2

    def code(self, start: int) -> int:
        """A code span ends at the next run of as many backticks (CommonMark 6.1)."""
        span = marks.CODE.match(self.text, start) if self.ticks is None else None
        begin, end, behind = (*span.span(2), span.end()) if span else self._code_span(start)
        code = self.text[begin:end]
        padded = code[:1] == code[-1:] == " " and not code.isspace()
        self.out.append(code[1:-1] if padded else code)
        return behind

    def _code_span(self, start: int) -> tuple[int, int, int]:
        """Where its code begins and ends, and what is behind it, with other runs in the way; itself where none ends it."""
        if self.ticks is None:
            self.ticks = {}
            for run in marks.TICKS.finditer(self.text):
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
        if link := marks.LINK.match(text, start):
            self.out.append(link[1])
            return link.end()
        tag = marks.TAG.match(text, start)
        if tag is None:
            return self._component(start)
        name = (tag[1] or "").lower()
        if name in marks.BREAKING_TAGS:
            self.out.append(" ")
        elif name == "img" and (alt := marks.ALT.search(tag[0])):
            self.out.append(unescape(alt[1] or alt[2] or ""))
        return tag.end()

    def _component(self, start: int) -> int:
        """A component with braces deeper than TAG knows."""
        if not self.text[start + 1 : start + 2].isupper() or self.failed > marks.MAX_FAILED_SCANS:
            return start
        end = tag_end(self.text, start)
        self.failed += end < 0
        return end if end >= 0 else start

    def brace(self, start: int) -> int:
        """An MDX comment and an attribute list go, a string literal is its text, any other expression stays as it is."""
        if (end := self.comments.end(start)) >= 0:
            return end
        if self.syntax.roles and (role := marks.ROLE.match(self.text, start)):
            self.out.append(role_text(role))
            return role.end()
        if self.syntax.marks and (critic := marks.CRITIC.match(self.text, start)):
            self.out.append(critic["added"] or critic["instead"] or critic["marked"] or "")
            return critic.end()
        if attributes := marks.ATTRIBUTES.match(self.text, start):
            return attributes.end()
        literal = marks.LITERAL.match(self.text, start)
        if literal is None:
            return start
        self.out.append(literal[1] or literal[2] or literal[3] or "")
        return literal.end()

    def entity(self, start: int) -> int:
        entity = marks.ENTITY.match(self.text, start)
        if entity is None:
            return start
        self.out.append(unescape(entity[0]))
        return entity.end()

    def math(self, start: int) -> int:
        formula = marks.MATH.match(self.text, start)
        if formula is None:
            return start
        self.out.append(formula[0])
        return formula.end()

    def open(self, start: int) -> int:
        if footnote := marks.FOOTNOTE.match(self.text, start):
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
        destination = marks.DESTINATION.match(self.text, end + 1)
        if destination:
            return destination.end()
        if not self.syntax.labels and not self.syntax.cross_references:
            return -1
        reference = marks.LABEL.match(self.text, end + 1)
        if reference and reference[1].strip():
            return reference.end() if self.syntax.knows(reference[1], whole=True) else -1
        if end - start <= marks.MAX_LABEL_CHARS and self.syntax.knows(self.text[start:end], whole=reference is not None):
            return reference.end() if reference else end + 1
        return -1

    def emphasis(self, start: int) -> int:
        run = marks.DELIMITER.match(self.text, start)
        if run is None:  # one tilde, one equals sign
            below = marks.SUBSCRIPT.match(self.text, start) if self.syntax.marks else None
            if below:
                self.out.append(below[1])
            return below.end() if below else start
        self.emphases.add(self.text, start, run.end(), self.out)
        return run.end()

    def icon(self, start: int) -> int:
        """A picture, which leaves nothing."""
        icon = marks.ICON.match(self.text, start)
        if icon is None:
            return start
        if not icon[0].endswith(" ") and self.out and self.out[-1].endswith(" "):  # before a full stop: none stays alone
            self.out[-1] = self.out[-1][:-1]
        return icon.end()

    def keys(self, start: int) -> int:
        keys = marks.KEYS.match(self.text, start)
        if keys is None:
            return start
        self.out.append(key_names(keys[1]))
        return keys.end()

    def superscript(self, start: int) -> int:
        above = marks.SUPERSCRIPT.match(self.text, start)
        if above is None:
            return start
        self.out.append(above[1] or above[2])
        return above.end()


METHODS: dict[str, Callable[[Renderer, int], int]] = {
    "\\": Renderer.escape,
    "`": Renderer.code,
    "<": Renderer.angle,
    "{": Renderer.brace,
    "&": Renderer.entity,
    "$": Renderer.math,
    "[": Renderer.open,
    "]": Renderer.close,
    "*": Renderer.emphasis,
    "_": Renderer.emphasis,
    "~": Renderer.emphasis,
    "=": Renderer.emphasis,
    ":": Renderer.icon,
    "+": Renderer.keys,
    "^": Renderer.superscript,
}

"""Inline Markdown and MDX to plain text: what a reader sees, without markup, link targets and tags.

A linear renderer of its own (CommonMark 0.31 chapter 6) instead of markdown-it's inline parser: that one is quadratic on nested
brackets, knows no JSX, and most paragraphs hold no markup at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Collection
from html import unescape

SPECIAL = re.compile(r"[\\`*_\[<&{~\n]")
SOFT_BREAK = re.compile(r"(?<![ \t])[ \t]*\n[ \t]*")
TOKEN = re.compile(
    r"""
      (?P<newline>(?<![ \t])[ \t]*\n[ \t]*)
    | (?P<escape>\\[!-/:-@\[-`{-~])
    | (?P<ticks>`+)
    | (?P<comment><!--|\{/\*)
    | <(?P<link>[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+)>
    | (?P<tag></?(?:[A-Za-z][\w.:-]*
        (?:\s+[\w:.@-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|[^\s"'=<>`{}]+))?|\s*\{\.\.\.[^{}]*\})*)?\s*/?>)
    | (?P<literal>\{\s*(?:"[^"\n]*"|'[^'\n]*'|`[^`$\n]*`)\s*\})
    | (?P<entity>&(?:[A-Za-z][A-Za-z0-9]{1,31}|\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6});)
    | (?P<footnote>\[\^[^\[\]\s]+\])
    | (?P<open>!?\[)
    | (?P<close>\])
    | (?P<delimiter>\*+|_+|~~)
    """,
    re.VERBOSE,
)
DESTINATION = re.compile(
    r"""\(\s*(?:<[^<>\n]*>|(?:[^\s()<>\\]|\\.|\((?:[^\s()\\]|\\.)*\))*)(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)
LABEL = re.compile(r"\[([^\[\]]*)\]")
TAG_NAME = re.compile(r"</?([A-Za-z][\w.:-]*)")
BREAKING_TAGS = frozenset("br p div li tr td th hr summary details dt dd h1 h2 h3 h4 h5 h6".split())
"""Tags that stand between words a reader sees apart."""
MAX_OPEN_RUNS = 100
"""Emphasis marks that wait for their end at most: more are no emphasis, and the search for the end stays short."""
MAX_LABEL_CHARS = 999
"""CommonMark 0.31, 4.7: a link label has at most 999 characters."""


def plain(text: str, references: Collection[str] = ()) -> str:
    """`text` as a reader sees it, on one line. `references`: labels defined in the page, normalised by `label()`."""
    if not SPECIAL.search(text):
        return text
    return _Renderer(text, references).render()


def label(text: str) -> str:
    """A link label as CommonMark compares them: case folded, white space collapsed."""
    return " ".join(text.split()).casefold()


class _Renderer:
    """One pass over the tokens of a text; `out` holds the pieces, brackets and emphasis marks are undone in place."""

    def __init__(self, text: str, references: Collection[str]) -> None:
        self.text = text
        self.references = references
        self.out: list[str] = []
        self.brackets: list[tuple[int, int]] = []
        """Index into `out` and offset behind each bracket still open."""
        self.delimiters: list[tuple[str, int]] = []
        self.ticks: dict[int, deque[int]] | None = None
        self.unclosed: set[str] = set()
        """Comment marks known not to end any more."""

    def render(self) -> str:
        position = 0
        text, out, search = self.text, self.out, TOKEN.search
        match = search(text)
        while match:
            if match.start() > position:
                out.append(text[position : match.start()])
            position = getattr(self, f"_{match.lastgroup}")(match)
            match = search(text, position)
        out.append(text[position:])
        return "".join(out)

    def _newline(self, match: re.Match[str]) -> int:
        self.out.append(" ")
        return match.end()

    def _escape(self, match: re.Match[str]) -> int:
        self.out.append(match[0][1])
        return match.end()

    def _ticks(self, match: re.Match[str]) -> int:
        """A code span ends at the next run of as many backticks (CommonMark 6.1)."""
        if self.ticks is None:
            self.ticks = {}
            for run in re.finditer("`+", self.text):
                self.ticks.setdefault(len(run[0]), deque()).append(run.start())
        size = len(match[0])
        runs = self.ticks.get(size, deque())
        while runs and runs[0] <= match.start():
            runs.popleft()
        if not runs:
            self.out.append(match[0])
            return match.end()
        code = SOFT_BREAK.sub(" ", self.text[match.end() : runs[0]])
        self.out.append(code.strip() or code)
        return runs[0] + size

    def _comment(self, match: re.Match[str]) -> int:
        closing = "-->" if match[0] == "<!--" else "*/}"
        end = -1 if closing in self.unclosed else self.text.find(closing, match.end())
        if end >= 0:
            return end + 3
        self.unclosed.add(closing)
        self.out.append(match[0])
        return match.end()

    def _link(self, match: re.Match[str]) -> int:
        self.out.append(match["link"])
        return match.end()

    def _tag(self, match: re.Match[str]) -> int:
        name = TAG_NAME.match(match[0])
        if name and name[1].lower() in BREAKING_TAGS:
            self.out.append(" ")
        return match.end()

    def _literal(self, match: re.Match[str]) -> int:
        self.out.append(match[0][1:-1].strip()[1:-1])
        return match.end()

    def _entity(self, match: re.Match[str]) -> int:
        self.out.append(unescape(match[0]))
        return match.end()

    def _footnote(self, match: re.Match[str]) -> int:
        return match.end()

    def _open(self, match: re.Match[str]) -> int:
        self.brackets.append((len(self.out), match.end()))
        self.out.append(match[0])
        return match.end()

    def _close(self, match: re.Match[str]) -> int:
        if self.brackets:
            opener, behind = self.brackets.pop()
            end = self._target(behind, match.start())
            if end >= 0:
                self.out[opener] = ""
                return end
        self.out.append("]")
        return match.end()

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

    def _delimiter(self, match: re.Match[str]) -> int:
        """Emphasis by CommonMark 6.2's flanking rules, runs paired whole; a run that opens or closes nothing stays."""
        mark, text = match[0][0], self.text
        before = text[match.start() - 1] if match.start() else " "
        after = text[match.end()] if match.end() < len(text) else " "
        opens, closes = _flanking(mark, before, after)
        if closes:
            for index in range(len(self.delimiters) - 1, -1, -1):
                if self.delimiters[index][0] == mark:
                    self.out[self.delimiters[index][1]] = ""
                    del self.delimiters[index:]
                    return match.end()
        if opens and len(self.delimiters) < MAX_OPEN_RUNS:
            self.delimiters.append((mark, len(self.out)))
        self.out.append(match[0])
        return match.end()


def _flanking(mark: str, before: str, after: str) -> tuple[bool, bool]:
    """Whether a run of `mark` between these characters can open, and can close, emphasis."""
    left = not after.isspace() and (not _is_punctuation(after) or before.isspace() or _is_punctuation(before))
    right = not before.isspace() and (not _is_punctuation(before) or after.isspace() or _is_punctuation(after))
    if mark == "_":
        return left and (not right or _is_punctuation(before)), right and (not left or _is_punctuation(after))
    return left, right


def _is_punctuation(character: str) -> bool:
    return not character.isalnum() and unicodedata.category(character)[0] in "PS"

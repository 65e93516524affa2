"""What a template engine takes out of a page before it is Markdown, or writes in its place.

Hugo's shortcodes, Jekyll's Liquid, the Jinja of mkdocs-macros, MyST's substitutions and the interpolations of VitePress. Values
that the configuration or the page's front matter holds are written; what only a program knows is left out, each with a Problem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

LIQUID = r"\{%-?(?P<tag>(?:[^%{}]|%(?!\}))*+)%\} | \{\{-?(?P<value>[^{}\n]*+)\}\}"
KRAMDOWN = (
    r"^[ \t]*(?:[-*+]|\d+\.)[ \t][^\n]*\n[ \t]*\{:[ \t]*toc\b[^{}\n]*\}[ \t]*$ | (?P<opens_remark>\{::comment\})"
    r" | \{::[^{}\n]*\} | \{:/\w*\}"
)
"""A list that becomes the table of contents; extensions (kramdown, "Extensions")."""
SPAN = r"(?<!`)(?P<span>`++)(?!`)[^`\n]*+(?P=span)(?!`)"
INTERPOLATION = rf"{SPAN} | \{{\{{(?P<value>[^{{}}\n]*+)\}}\}}"
TAGS = {
    "hugo": r"\{\{[<%](?P<tag>(?:[^%>{}]|[%>](?!\}\}))*+)[%>]\}\}",
    "jekyll": rf"{LIQUID} | {KRAMDOWN}",
    "mkdocs": rf"{LIQUID} | \{{\#[^#{{}}]*+\#\}}",
    "sphinx": INTERPOLATION,
    "vitepress": INTERPOLATION,
}
"""By kind of site; code spans are left alone where the engine comes after Markdown."""
FENCE = r"^[ \t>]*(?P<fence>`{3,}|~{3,})"
PATTERNS = {kind: re.compile(rf"{FENCE} | {tags}", re.VERBOSE | re.MULTILINE) for kind, tags in TAGS.items()}
SAID = re.compile(r"""\b(?:title|caption|alt|header|summary|name)=(?:"([^"]*)"|'([^']*)')""")
NAMED_FIRST = re.compile(r"""\s*(?:tab|details|expand)\s+(?:"([^"]*)"|'([^']*)')""")
KEPT = re.compile(r"\s*(?:include|readfile|code)\b")
"""What is left for others: includes."""
SHOWN = re.compile(r"\s*/\*(.*)\*/\s*", re.DOTALL)
"""A shortcode that is shown as it is written."""
HIGHLIGHT = re.compile(r"-?\s*(end|/\s*)?highlight\b\s*(\w*)")
HIGHLIGHTED = "highlight"
ENDS = {
    "raw": re.compile(r"\{%-?\s*endraw\s*-?%\}"),
    "jekyll comment": re.compile(r"\{%-?\s*endcomment\s*-?%\}"),
    "hugo comment": re.compile(r"\{\{[<%]\s*/\s*comment\s*[%>]\}\}"),
    "kramdown": re.compile(r"\{:/(?:comment)?\}"),
}
"""What ends a block that is not read."""
TARGET = re.compile(r"\s*(?:link|post_url|ref|relref)\s+[\"']?([^\s\"']+)")
PARAMETER = re.compile(r"\s*param\s+[\"']?([\w.-]+)")
DEFINITION = re.compile(r"^[ \t]{0,3}\[[^\]\n]+\]:[ \t]*$")
EXPRESSION = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z_$][\w$.-]*))\s*((?:\|[^|]*)*)""")
AS_IT_IS = frozenset({"relative_url", "absolute_url", "escape", "xml_escape", "strip", "trim", "safe", "e", "markdownify"})
"""Filters that change nothing a reader reads."""


FENCED = re.compile(r"[ \t>]*(`{3,}|~{3,})")
OPEN = re.compile(r"\{%(?!.*%\})")
"""A tag of Jinja that does not end on its line."""
MOST_LINES = 30
"""Of one tag: where it does not end within them it is none."""


@dataclass(slots=True)
class Rendered:
    """A page without its tags."""

    text: str
    """Of as many lines."""
    shown: dict[str, str] = field(default_factory=dict[str, str])
    """What stands in the place of each tag within a line."""
    left_out: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Line (0-based) and tag, of each whose text is not known."""


def page_variables(kind: str, given: object, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a page's tags may name; None where its pages are no templates.

    `given`: of the whole site (`Site.options["variables"]`); `values`: the page's front matter.
    """
    site = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    match kind:
        case "hugo":
            return {**site, **values}
        case "jekyll":
            return {**site, "page": values}
        case "vitepress":
            return {"$frontmatter": values, "frontmatter": values}
        case "mkdocs" if given is not None:
            return {**site, **values, "page": {**values, "meta": values}}
        case "sphinx" if given is not None:
            own = values.get("myst")
            named = cast("dict[str, Any]", own).get("substitutions") if isinstance(own, dict) else values.get("substitutions")
            return {**site, **(cast("dict[str, Any]", named) if isinstance(named, dict) else {})}
        case _:
            return None


def without_tags(text: str, kind: str, variables: Mapping[str, Any]) -> Rendered:
    """`text` without the tags outside of code, and with the values of those that name one; in code only these are replaced."""
    return _Template(text, kind, variables).render()


def with_whole_tags(lines: list[str]) -> list[str]:
    """As many lines, each tag outside of code whole on the line it begins on: MkDocs' plugins include files by it."""
    fence, out = "", [*lines]
    for number, line in enumerate(out):
        if mark := FENCED.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and "{%" in line and OPEN.search(line):
            below = range(number + 1, min(number + MOST_LINES, len(out)))
            if last := next((at for at in below if "%}" in out[at]), 0):
                out[number] = " ".join([line.rstrip(), *(each.strip() for each in out[number + 1 : last + 1])])
                out[number + 1 : last + 1] = [""] * (last - number)
    return out


class _Template:
    """One pass over the tags of a page."""

    def __init__(self, text: str, kind: str, variables: Mapping[str, Any]) -> None:
        self.text, self.kind, self.variables = text, kind, variables
        self.fence = self.ending = ""
        self.result = Rendered("")
        self.line = 0
        """Of the tag at hand."""
        self.unended = set[str]()
        """Blocks no end of which is ahead."""

    def render(self) -> Rendered:
        out: list[str] = []
        position, search = 0, PATTERNS[self.kind].search
        while match := search(self.text, position):
            out.append(self.text[position : match.start()])
            self.line += out[-1].count("\n")
            written, position = self._written(match)
            lines = self.text.count("\n", match.start(), position)
            if not lines and not self.fence and not match["fence"]:
                self.result.shown[self.text[match.start() : position]] = written
            out.append(written + "\n" * (lines - written.count("\n")))
            self.line += lines
        self.result.text = "".join((*out, self.text[position:]))
        return self.result

    def _written(self, match: re.Match[str]) -> tuple[str, int]:
        """What stands in the place of a tag, and the offset behind it."""
        found, end = match.groupdict(), match.end()
        if mark := found["fence"]:
            self.fence = "" if self.fence and mark.startswith(self.fence) else self.fence or mark
            return match[0], end
        if found.get("span"):
            return match[0], end
        if (value := found.get("value")) is not None:
            return self._value(match, value.removesuffix("-")), end
        if (tag := found.get("tag")) is not None:
            return self._tag(match, tag.removesuffix("-"))
        if self.fence:
            return match[0], end
        return "", self._end("kramdown", end) if found.get("opens_remark") else end

    def _tag(self, match: re.Match[str], tag: str) -> tuple[str, int]:
        end = match.end()
        if shown := SHOWN.fullmatch(tag):
            return match[0].replace(shown[0], shown[1]), end
        name = tag.strip(" -\t\n")
        if name == "raw" and self.kind != "hugo":
            behind = self._end("raw", end)
            return (self.text[end : behind - len(self.ending)] if behind > end else ""), behind
        if (code := HIGHLIGHT.match(tag)) and self.fence in {"", HIGHLIGHTED} and self._alone(match):
            self.fence = "" if code[1] else HIGHLIGHTED
            return ("```" if code[1] else f"```{code[2]}"), end
        if self.fence:
            return match[0], end
        if KEPT.match(tag):
            return " ".join(line.strip() for line in match[0].split("\n")), end
        return ("", self._end(f"{self.kind} comment", end)) if name == "comment" else (self._shown(match, tag), end)

    def _shown(self, match: re.Match[str], tag: str) -> str:
        """What a reader sees of a tag: the address that it is, the value it names, its title."""
        if target := TARGET.match(tag):
            return target[1]
        if parameter := PARAMETER.match(tag):
            return self._value(match, parameter[1])
        said = NAMED_FIRST.match(tag) or SAID.search(tag)
        return (said[1] or said[2] or "") if said else ""

    def _end(self, name: str, start: int) -> int:
        """The offset behind what ends the block `name`; where the block begins when nothing does."""
        found = ENDS[name].search(self.text, start) if name in ENDS and name not in self.unended else None
        if found is None:
            self.unended.add(name)
            return start
        self.ending = found[0]
        return found.end()

    def _alone(self, match: re.Match[str]) -> bool:
        """Whether nothing else stands on the line."""
        begin, end = self.text.rfind("\n", 0, match.start()) + 1, self.text.find("\n", match.end())
        behind = self.text[match.end() : end if end >= 0 else len(self.text)]
        return not self.text[begin : match.start()].strip() and not behind.strip()

    def _value(self, match: re.Match[str], expression: str) -> str:
        value = _evaluated(expression, self.variables)
        if value is not None:
            return value
        if self.fence:
            return match[0]
        begin = self.text.rfind("\n", 0, match.start()) + 1
        if self.text[max(match.start() - 2, 0) : match.start()] == "](" or DEFINITION.match(self.text[begin : match.start()]):
            return "#"  # a link's target, which nobody reads
        self.result.left_out.append((self.line, match[0]))
        return ""


def _evaluated(expression: str, variables: Mapping[str, Any]) -> str | None:
    """The text of a name or a string, through filters, on one line; None where it is not known."""
    found = EXPRESSION.fullmatch(expression)
    if found is None:
        return None
    value: Any = variables
    if found[3] is None:
        value = found[1] if found[1] is not None else found[2]
    else:
        for key in found[3].split("."):
            value = cast("dict[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = " ".join(str(value).split())
    for name in [each.strip() for each in found[4].split("|")[1:]]:
        if name in {"upcase", "upper"}:
            text = text.upper()
        elif name in {"downcase", "lower"}:
            text = text.lower()
        elif name not in AS_IT_IS:
            return None
    return text

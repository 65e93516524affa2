"""What a page's inline Markdown may mean besides CommonMark, and what a reader sees of that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SPECIAL = re.compile(r"[\\`*_\[\]<&{~$]")
SPECIAL_WITH_MARKS = re.compile(r"[\\`*_\[\]<&{~$:+=^]")
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
LITERAL = re.compile(r"""\{\s*(?:"([^"\n]*)"|'([^'\n]*)'|`([^`\n]*)`)\s*\}""")
ATTRIBUTE = rf"""(?:[.#][A-Za-z_][\w:.-]*|[A-Za-z][\w-]*=(?:{STRING}|[^\s{{}}"'=]+))"""
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
DELIMITER = re.compile(r"\*+|_+|~~+|==")
BREAKING_TAGS = frozenset({"br", "p", "div", "li", "tr", "td", "th", "hr", "summary", "details", "dt", "dd"})
"""Tags that stand between words a reader sees apart."""
MAX_FAILED_SCANS = 20
"""Components left unclosed in one text before the rest is taken as text: keeps hostile input linear."""
MAX_LABEL_CHARS = 999
"""CommonMark 0.31, 4.7: a link label has at most 999 characters."""
IDENTIFIER = re.compile(r"(?=.*[^\W\d])[\w.:*@/~-]+")
"""What a cross reference names: `pump.valves.Valve`, `opening-the-valve`; never a phrase, nor a number, as in `rows[0][1]`."""
SUBSCRIPT = re.compile(r"~([^\s~]+)~(?!~)")
MARKS = re.compile(rf":[a-z]+-[a-z]|\+\+[\w\"]|==|\^|\{{(?:\+\+|--|~~|>>)|(?<!~){SUBSCRIPT.pattern}")
"""What a page must hold one of for its inline marks to be looked for."""
ICON = re.compile(
    r":(?:(?:material|octicons|fontawesome|simple|custom|lucide|bootstrap)-[a-z0-9_-]+|[a-z0-9_]+(?:-[a-z0-9_]+){2,}):"
    r"(?:\{[^{}\n]*\})?[ ]?"
)
"""A picture on the site (Material's `icons`; `:smile:` is a character), its attributes and the space behind it."""
KEY = r"(?:[A-Za-z0-9][\w-]*|\"[^\"\n]+\")"
KEYS = re.compile(rf"\+\+({KEY}(?:\+{KEY})*)\+\+")
CRITIC = re.compile(
    r"\{(?:\+\+(?P<added>[^{}\n]*?)\+\+|--(?P<removed>[^{}\n]*?)--|~~[^{}\n]*?~>(?P<instead>[^{}\n]*?)~~"
    r"|==(?P<marked>[^{}\n]*?)==|>>(?P<comment>[^{}\n]*?)<<)\}"
)
SUPERSCRIPT = re.compile(r"\^([^\s^]+)\^|\^\^(?=\S)([^^\n]+?)(?<=\S)\^\^")
ROLE = re.compile(r"\{([A-Za-z][\w:.+-]*)\}(`+)(.+?)(?<!`)\2(?!`)", re.DOTALL)
ROLE_TARGET = re.compile(r"(.*\S)\s*<[^<>]+>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class InlineSyntax:
    """How the inline Markdown of one page is read."""

    labels: frozenset[str] = frozenset()
    """Of the page's link definitions, normalised by `label()`."""
    cross_references: bool = False
    """`[text][identifier]` and `[identifier][]` are links that the page does not define (mkdocs-autorefs)."""
    marks: bool = False
    """PyMdown's marks: `:material-icon:`, `++key++`, `==mark==`, `^^insert^^`, `{--critic--}`."""
    bracketed_ids: bool = False
    """Nextra's `## Heading [#own-id]`."""
    roles: bool = False
    """MyST's `{role}`text``."""
    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the page shows in the place of each template tag within one of its lines."""

    def knows(self, name: str, *, whole: bool) -> bool:
        """Whether brackets with this label are a link; `whole`: a second pair follows, as in `[name][]`."""
        crossing = whole and self.cross_references and IDENTIFIER.fullmatch(name.strip("`"))
        return bool(crossing) or label(name) in self.labels


COMMON_MARK = InlineSyntax()


def label(text: str) -> str:
    """A link label as CommonMark compares them: case folded, white space collapsed."""
    return " ".join(text.split()).casefold()


def key_names(keys: str) -> str:
    """`ctrl+arrow-up` as the site shows it: `Ctrl+Arrow Up` (pymdownx.keys)."""
    names = (key.strip('"') if key.startswith('"') else key.replace("-", " ").title() for key in keys.split("+"))
    return "+".join(names)


def role_text(match: re.Match[str]) -> str:
    """What a `ROLE` shows: the text before a `<target>`, the last part of `~a.b.c`."""
    said = match[3].strip()
    if target := ROLE_TARGET.fullmatch(said):
        return target[1]
    return said.rpartition(".")[2] if said.startswith("~") else said.removeprefix("!")

"""Code as something to quote: what its names say, what kind it is, and the part of a long listing that answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from server.models.quoting.question_kind import TermsOf

MAX_CODE_LINES = 30
"""Of a listing that is quoted, its fences included."""
CUT_CODE = "…"
LEAST_KEPT = 2 / 3
"""Of a part, when it is shortened to end where a block of the code does."""
CLOSE_LINES = 8
NAME_SHARE = 0.5
"""`create_publisher` does what "create a publisher" asks about, where other lines only use the words."""
AGAIN = 0.01
"""What a word counts each time it comes up again, against once: of two parts that say the same the one that says more."""

_INFO = re.compile(r" {0,12}(?:`{3,}|~{3,})[ \t]*([\w+#.-]*)")
_COMMANDS = frozenset(("bash", "sh", "shell", "zsh", "fish", "console", "shell-session", "powershell", "ps1", "bat", "cmd"))
_DIAGRAMS = frozenset(["mermaid", "plantuml", "puml", "dot", "graphviz", "d2", "ditaa"])
_DATA = frozenset(("", "text", "txt", "plain", "plaintext", "yaml", "yml", "json", "toml", "ini", "csv", "properties"))
_NAME = re.compile(r"\b\w*[a-z0-9](?:_\w|[A-Z])\w*")
"""A name made of several words."""
_JOINT = re.compile(r"_+|(?<=[a-z0-9])(?=[A-Z])")
"""Where the words of a name meet: `create_publisher`, `createPublisher`."""


def is_commands(code: str) -> bool:
    """Whether a fenced block is what one types into a shell: steps, as much as a numbered list."""
    return _language(code) in _COMMANDS


def is_diagram(code: str) -> bool:
    """Whether a fenced block is the source of a drawing."""
    return _language(code) in _DIAGRAMS


def is_data(code: str) -> bool:
    """Whether a fenced block states facts, as a table does, and not how something is programmed."""
    return _language(code) in _DATA


def worth(code: str, weights: Mapping[int, float], terms: TermsOf) -> float:
    """What a listing holds of a question: the weight of the terms in lines close together, for words far apart are chance.

    A name that joins two terms or more counts `NAME_SHARE` of them once more.
    """
    held, names = _read_lines(code.splitlines(), weights, terms)
    return max(
        sum(weights[term] for term in frozenset[int]().union(*held[at : at + CLOSE_LINES])) + max(names[at : at + CLOSE_LINES])
        for at in range(len(held))
    )


def spelled_out(code: str) -> str:
    """The code, and again with the words of its names apart."""
    return f"{code}\n{_JOINT.sub(' ', code)}"


def shorten_listing(code: str, weights: Mapping[int, float], terms: TermsOf) -> str:
    """A fenced block of at most `MAX_CODE_LINES` lines: of a longer one the part that holds most of the weighted terms.

    1. A part begins after a blank line, or at the listing's own beginning, and is as long as may be.
    2. Each term counts once with its weight, and a little every time it comes up again, and a name that joins several counts
       for itself. The last of the best wins, which begins with what answers; the first where none does.
    3. It ends at its last blank line, unless too much would go.
    """
    lines = code.splitlines()
    if len(lines) <= MAX_CODE_LINES:
        return code
    body, size = lines[1:-1], MAX_CODE_LINES - 4
    held, names = _read_lines(body, weights, terms)
    starts = [at for at, line in enumerate(body) if line.strip() and (at == 0 or not body[at - 1].strip())]
    worths = {at: _worth(held[at : at + size], weights) + max(names[at : at + size]) for at in starts or [0]}
    start = max(worths, key=lambda at: (worths[at], at if worths[at] else -at))
    part = body[start : start + size]
    if start + size < len(body):
        blank = next((at for at in range(size - 1, 0, -1) if not part[at].strip()), 0)
        part = part[:blank] if blank >= LEAST_KEPT * size else part
    before = [CUT_CODE] if start else []
    after = [CUT_CODE] if start + len(part) < len(body) else []
    return "\n".join([lines[0], *before, *part, *after, lines[-1]])


def _read_lines(lines: list[str], weights: Mapping[int, float], terms: TermsOf) -> tuple[list[frozenset[int]], list[float]]:
    """The weighted terms of each line, and what its best name counts."""
    held = [terms(spelled_out(line)) & weights.keys() for line in lines]
    names: list[float] = []
    for line in lines:
        joined = (terms(_JOINT.sub(" ", name)) & weights.keys() for name in _NAME.findall(line))
        best = max((sum(weights[term] for term in one) for one in joined if len(one) > 1), default=0.0)
        names.append(NAME_SHARE * best)
    return held, names


def _worth(held: list[frozenset[int]], weights: Mapping[int, float]) -> float:
    total, seen = 0.0, frozenset[int]()
    for line in held:
        for term in line:
            total += weights[term] * (AGAIN if term in seen else 1.0)
        seen |= line
    return total


def _language(code: str) -> str:
    match = _INFO.match(code)
    return match[1].lower() if match else ""

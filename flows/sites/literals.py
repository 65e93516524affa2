"""The literals in a configuration that is a program (JavaScript, TypeScript), which is not run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flows.reading.extensions.jsx import string_end

Literals = dict[tuple[str, ...], str | bool]
"""Literal values by the keys that lead to them, outermost first."""
TOKEN = re.compile(
    r"""(?://[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<key>(?<![\w$])[A-Za-z_$][\w$]*+|"[^"\n]*"|'[^'\n]*')\s*+:\s*+
      (?:(?P<value>"[^"\\\n]*"|'[^'\\\n]*'|`[^`\\$]*`|true\b|false\b)(?=\s*[,}/]))?
    | (?P<quote>["'`])
    | (?P<open>[{\[(]) | (?P<close>[}\])])""",
    re.VERBOSE | re.DOTALL,
)


def read_literals(program: str) -> Literals:
    """The strings and booleans that the objects in `program` hold as they stand; what is computed is left out."""
    found: Literals = {}
    path: list[str] = []
    key = ""
    for token in _tokens(program):
        if token["key"]:
            key = token["key"].strip("\"'")
            if (value := token["value"]) is not None:
                found.setdefault((*filter(None, path), key), value == "true" if value in {"true", "false"} else value[1:-1])
        elif token["open"]:
            path.append(key)
            key = ""
        elif token["close"] and path:
            path.pop()
            key = ""
    return found


def _tokens(program: str) -> Iterator[re.Match[str]]:
    """Those outside of strings and comments; a string that is not closed is its quote alone, a template the rest."""
    unclosed, position = dict[str, int](), 0
    while token := TOKEN.search(program, position):
        position = token.end()
        if token["quote"]:
            closed = string_end(program, position, len(program), unclosed)
            position = closed if closed >= 0 else len(program) if token["quote"] == "`" else position
        else:
            yield token


def find_literal(literals: Literals, *keys: str) -> str | bool | None:
    """The outermost value that is reached by `keys` at the end of its path; None where there is none."""
    paths = [path for path in literals if path[-len(keys) :] == keys]
    return literals[min(paths, key=len)] if paths else None


def read_keys(program: str) -> list[str]:
    """The keys of the first object in `program` that has any, in order, whatever their values are."""
    found, depth, level = list[str](), 0, 0
    for token in _tokens(program):
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
            if depth < level:
                break
        elif token["key"] and depth:
            level = level or depth
            if depth == level:
                found.append(token["key"].strip("\"'"))
    return found

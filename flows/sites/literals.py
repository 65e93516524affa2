"""The literals in a configuration that is a program (JavaScript, TypeScript), which is not run."""

from __future__ import annotations

import re

Literals = dict[tuple[str, ...], str | bool]
"""Literal values by the keys that lead to them, outermost first."""
STRING = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*(?:`|\Z)"""
TOKEN = re.compile(
    rf"""(?://[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<key>(?<![\w$])[A-Za-z_$][\w$]*|"[^"\n]*"|'[^'\n]*')\s*:\s*
      (?:(?P<value>"[^"\\\n]*"|'[^'\\\n]*'|`[^`\\$]*`|true\b|false\b)(?=\s*[,}}/]))?
    | {STRING}
    | (?P<open>[{{\[(]) | (?P<close>[}}\])])""",
    re.VERBOSE | re.DOTALL,
)


def read_literals(program: str) -> Literals:
    """The strings and booleans that the objects in `program` hold as they stand; what is computed is left out."""
    found: Literals = {}
    path: list[str] = []
    key = ""
    for token in TOKEN.finditer(program):
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


def find_literal(literals: Literals, *keys: str) -> str | bool | None:
    """The outermost value that is reached by `keys` at the end of its path; None where there is none."""
    paths = [path for path in literals if path[-len(keys) :] == keys]
    return literals[min(paths, key=len)] if paths else None

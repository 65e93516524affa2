"""YAML front matter: what it says, where it ends, and what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import yaml

OPENING = re.compile(r"---[ \t]*\r?\n")
CLOSING = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
SIMPLE_LINE = re.compile(r"^([A-Za-z_][\w-]*):[ \t]+(.*?)[ \t]*\r?$", re.MULTILINE)
"""`key: value` at the margin: what can be saved of front matter that is not YAML."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The head of a page."""

    values: dict[str, Any]
    end: int
    """Offset of the first character after the closing `---` line; 0 where there is no front matter."""
    error: str | None = None
    """Why it is not YAML; the values are then those lines that say `key: value`."""
    error_line: int | None = None
    """1-based line in the file."""


def parse_front_matter(text: str) -> FrontMatter:
    """The front matter of `text`: the lines between a first line `---` and the next one."""
    opening = OPENING.match(text)
    closing = CLOSING.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return FrontMatter({}, 0)
    head = text[opening.end() : closing.start()]
    try:
        values: object = yaml.load(head, Loader=SAFE_LOADER)  # noqa: S506  a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        return FrontMatter(_simple_lines(head), closing.end(), *_explain(exc))
    if values is None:
        return FrontMatter({}, closing.end())
    if not isinstance(values, dict):
        return FrontMatter({}, closing.end(), f"front matter is {type(values).__name__}, expected `key: value` lines", 1)
    pairs = cast("dict[object, Any]", values)
    return FrontMatter({str(key): value for key, value in pairs.items()}, closing.end())


SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: ten times faster."""


def _explain(exc: Exception) -> tuple[str, int]:
    mark = getattr(exc, "context_mark", None) or getattr(exc, "problem_mark", None)  # where it begins, where it is noticed
    line = int(mark.line) + 2 if mark is not None else 1  # the mark counts from 0, after the `---` line
    problem = getattr(exc, "problem", None) or str(exc).split("\n", 1)[0]
    return f"front matter is not YAML: {problem}", line


def _simple_lines(head: str) -> dict[str, Any]:
    return {match[1]: _scalar(match[2]) for match in SIMPLE_LINE.finditer(head)}


def _scalar(value: str) -> object:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return int(value) if value.isdecimal() and len(value) < 10 else value

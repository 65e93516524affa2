"""Front matter: what it says, where it ends, and what is wrong with it. YAML, TOML (Hugo, Zola) or JSON (Hugo)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import yaml

LINE_END = r"(?:\r\n?|\n)"
OPENING = re.compile(rf"(?P<mark>---(?P<format>yaml|toml|json)?|\+\+\+)[ \t]*{LINE_END}")
"""`---toml` and `---json` are gray-matter's, which VitePress and Nextra read pages with."""
CLOSING = {
    mark: re.compile(rf"(?:^|(?<=\r)){closing}[ \t]*(?:{LINE_END}|\Z)", re.MULTILINE)
    for mark, closing in (("---", r"(?:---|\.\.\.)"), (r"\+\+\+", r"\+\+\+"))
}
"""YAML also ends with `...`, as MkDocs, Jekyll and pandoc read it."""
OBJECT = re.compile(r"\{\s*(?:\"|\})")
"""What JSON front matter begins with; an MDX expression does not."""
SIMPLE_LINE = re.compile(r"^([A-Za-z_][\w-]*)(?::[ \t]+|[ \t]*=[ \t]*)(.*?)[ \t]*$", re.MULTILINE)
"""`key: value` or `key = value` at the margin: what can be saved of front matter that is broken."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The head of a page."""

    values: dict[str, Any]
    end: int
    """Offset of the first character after the closing line; 0 where there is no front matter."""
    error: str | None = None
    """Why it cannot be read; the values are then those lines that say `key: value`."""
    error_line: int | None = None
    """1-based line in the file."""


def parse_front_matter(text: str) -> FrontMatter:
    """The front matter of `text`: all between a first line `---` or `+++` and the next one (or `...`), or a JSON object."""
    opening = OPENING.match(text)
    if opening is None:
        return _json_object(text) if OBJECT.match(text) else FrontMatter({}, 0)
    toml = opening["mark"] == "+++" or opening["format"] == "toml"
    closing = CLOSING[r"\+\+\+" if opening["mark"] == "+++" else "---"].search(text, opening.end())
    if closing is None:
        return FrontMatter({}, 0)
    head = text[opening.end() : closing.start()].replace("\r\n", "\n").replace("\r", "\n")
    name, load = ("TOML", _load_toml) if toml else ("YAML", _load_yaml)
    try:
        values = load(head)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        return FrontMatter(_simple_lines(head), closing.end(), *_explain(exc, name))
    if values is None:
        return FrontMatter({}, closing.end())
    if not isinstance(values, dict):
        return FrontMatter({}, closing.end(), f"front matter is {type(values).__name__}, expected `key: value` lines", 1)
    pairs = cast("dict[object, Any]", values)
    return FrontMatter({str(key): value for key, value in pairs.items()}, closing.end())


def _json_object(text: str) -> FrontMatter:
    """The object a page begins with, alone on its lines; what is no JSON is text."""
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return FrontMatter({}, 0)
    behind = re.compile(rf"[ \t]*(?:{LINE_END}|\Z)").match(text, end)
    return FrontMatter(values, behind.end()) if behind else FrontMatter({}, 0)


SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: ten times faster."""


def _load_yaml(head: str) -> object:
    return yaml.load(head, Loader=SAFE_LOADER)  # noqa: S506  a safe loader


_load_toml: Callable[[str], object] = tomllib.loads


def _explain(exc: Exception, name: str) -> tuple[str, int]:
    mark = getattr(exc, "context_mark", None) or getattr(exc, "problem_mark", None)  # where it begins, where it is noticed
    found = re.search(r"at line (\d+)", str(exc)) if mark is None else None
    line = int(mark.line) + 2 if mark is not None else int(found[1]) + 1 if found else 1  # the mark counts from 0, below `---`
    problem = getattr(exc, "problem", None) or str(exc).split("\n", 1)[0]
    return f"front matter is not {name}: {problem}", line


def _simple_lines(head: str) -> dict[str, Any]:
    return {match[1]: _scalar(match[2]) for match in SIMPLE_LINE.finditer(head)}


def _scalar(value: str) -> object:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return int(value) if value.isdecimal() and len(value) < 10 else value

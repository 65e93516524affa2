"""What of a folder reaches the builder: `.dockerignore` (docs.docker.com/build/concepts/context/#dockerignore-files)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path


def ignore_rules(text: str) -> list[tuple[re.Pattern[str], bool]]:
    """Each pattern with whether it leaves out (True) or takes back in; the last that matches a path decides."""
    lines = (line.strip() for line in text.splitlines())
    return [
        (_pattern(line.removeprefix("!").strip("/")), not line.startswith("!"))
        for line in lines
        if line and not line.startswith("#")
    ]


def is_ignored(path: str, rules: list[tuple[re.Pattern[str], bool]]) -> bool:
    """Whether the file `path`, relative to the context, is left out; a pattern that matches a folder covers what is in it."""
    parts = path.split("/")
    steps = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    ignored = False
    for pattern, leaves_out in rules:
        if any(pattern.fullmatch(step) for step in steps):
            ignored = leaves_out
    return ignored


def files_of(context: Path) -> Iterator[Path]:
    """The files of the context that its `.dockerignore` lets through, relative to it, sorted."""
    rules = ignore_rules((context / ".dockerignore").read_text(encoding="utf-8"))
    taken_back = {pattern.pattern for pattern, leaves_out in rules if not leaves_out}
    for top in sorted(context.iterdir()):
        if not any(re.fullmatch(pattern, top.name) for pattern in taken_back):
            continue  # .venv, .git: not worth walking
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            name = path.relative_to(context).as_posix()
            if path.is_file() and not is_ignored(name, rules):
                yield Path(name)


def _pattern(glob: str) -> re.Pattern[str]:
    """Go's filepath.Match, with `**` for any number of folders."""
    signs = {"**/": r"(?:[^/]+/)*", "*": r"[^/]*", "?": r"[^/]"}
    pieces = re.split(r"(\*\*/|\*|\?)", glob)
    return re.compile("".join(signs.get(piece, re.escape(piece)) for piece in pieces))

"""Globs over paths with forward slashes, as settings write them: `**` crosses folders, `*` and `?` do not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_TOKEN = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
_MEANING = {"**/": r"(?:[^/]+/)*", "/**": r"/.+", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def _translate(glob: str) -> str:
    return "".join(_piece(match.group()) for match in _TOKEN.finditer(glob))


def _piece(token: str) -> str:
    if token in _MEANING:
        return _MEANING[token]
    if len(token) > 1:
        negated, members = ("^", token[2:-1]) if token[1] == "!" else ("", token[1:-1])
        return f"[{negated}{members.replace(chr(92), chr(92) * 2)}]"
    return re.escape(token)


def _compile(globs: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = [_translate(glob.strip().removeprefix("./").lstrip("/")) for glob in globs]
    return re.compile("|".join(f"(?:{each})" for each in alternatives), re.IGNORECASE) if alternatives else None


@dataclass(frozen=True)
class FileSelection:
    """Which files belong to the book: those an include glob matches and no exclude glob does, in any letter case."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Whether the file at `path` belongs to the book."""
        return _matches(self._included, path) and not _matches(self._excluded, path)

    def prunes(self, folder: str) -> bool:
        """Whether everything below `folder` is excluded, so that it need not be walked."""
        return _matches(self._pruned, folder)

    @cached_property
    def _included(self) -> re.Pattern[str] | None:
        return _compile(self.include)

    @cached_property
    def _excluded(self) -> re.Pattern[str] | None:
        return _compile(self.exclude)

    @cached_property
    def _pruned(self) -> re.Pattern[str] | None:
        return _compile(glob.removesuffix("/**") for glob in self.exclude if glob.endswith("/**") and glob != "/**")


def _matches(pattern: re.Pattern[str] | None, path: str) -> bool:
    return pattern is not None and pattern.fullmatch(path) is not None

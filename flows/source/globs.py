"""Globs over whole paths with forward slashes, as settings write them: `**` crosses folders, `*` and `?` do not.

Not those of `.gitignore`, for which there is a library: there a glob that matches a folder takes everything below it, so that
`part/*` would mean all of `part/**`, and an include of `docs` every picture in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_TOKEN = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\[!?[^\]/]{1,200}\]|.", re.DOTALL)
_MEANING = {"**/": r"(?:[^/]+/)*", "/**": r"/.+", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
_SPECIAL, _ESCAPED = re.compile(r"[\\\[&~|]"), r"\\\g<0>"
"""What a set of characters in a glob does not know as special."""
_NOTHING = re.compile(r"(?!)")


def _compiles(pattern: str) -> bool:
    """False for a range that runs backwards, as in `[z-a]`, and for `[!]`."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _compile(globs: Iterable[str]) -> re.Pattern[str]:
    """What matches the paths that any of the globs does, in any letter case."""
    alternatives: list[str] = []
    for glob in globs:
        meaning = ""
        for token in _TOKEN.findall(glob.strip().removeprefix("./").lstrip("/")):
            if len(token) > 1 and token[0] == "[":
                negated = "^" if token[1] == "!" else ""
                members = f"[{negated}{_SPECIAL.sub(_ESCAPED, token[1:-1].removeprefix('!'))}]"
                meaning += members if _compiles(members) else re.escape(token)
            else:
                meaning += _MEANING.get(token) or re.escape(token)
        alternatives.append(f"(?:{meaning})")
    return re.compile("|".join(alternatives), re.IGNORECASE) if alternatives else _NOTHING


@dataclass(frozen=True)
class FileSelection:
    """Which files belong to the book: those an include glob matches and no exclude glob does, in any letter case."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Whether the file at `path` belongs to the book."""
        included, excluded, _ = self._patterns
        return included.fullmatch(path) is not None and excluded.fullmatch(path) is None

    def prunes(self, folder: str) -> bool:
        """Whether everything below `folder` is excluded, so that it need not be walked."""
        return self._patterns[2].fullmatch(folder) is not None

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        """Of what is included, what is excluded, and the folders of which everything is."""
        folders = (glob.removesuffix("/**") for glob in self.exclude if glob.endswith("/**") and glob != "/**")
        return _compile(self.include), _compile(self.exclude), _compile(folders)

"""Pages that a question names by their number: "summarize chapter 10", "who is module 3 for?", "第3章讲什么?".

The book's own numbering decides: the one in a title, else in the name of a file or a folder. A chapter may also be a bare
number ("10. Balance", `10-balance.md`). The words are those of nine languages, so that a question in one finds the chapters of
a book in another; digits of any script count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from server.languages import unaccented

ALIKE = 5
"""Letters by which a heading's word and a question's are told to say the same: "summary" and "summarize"."""
_CHAPTER = 0
_KINDS = (
    "chapter chapters ch chap kapitel chapitre capitulo cap باب فصل الفصل अध्याय 章",
    "part teil partie parte حصہ حصے جزء الجزء भाग 部",
    "module modul modulo ماڈیول وحدة الوحدة मॉड्यूल 模块 单元",
    "lesson lektion lecon leccion licao aula سبق درس الدرس पाठ 课 課 节 節",
    "week woche semaine semana ہفتہ ہفتے أسبوع الأسبوع सप्ताह 周",
)
"""Words for the same thing in the languages of `server/languages.py`."""
_KIND_OF = {unicodedata.normalize("NFC", unaccented(word)): kind for kind, words in enumerate(_KINDS) for word in words.split()}
_NAME = r"[^\W\d_](?:[^\W\d_]|[\u0900-\u097f])*"
_NUMBERED = re.compile(rf"(?<!\w)({_NAME})[\s._-]{{0,2}}(\d{{1,3}})(?![^\W_]|[.,]\d)|第\s*(\d{{1,3}})\s*(\w\w?)")
_BARE = re.compile(r"(\d{1,3})(?=[._:)-]|$)(?!\.\d)")


class Label(NamedTuple):
    """A kind of page (of `_KINDS`) and its number."""

    kind: int
    number: int


class TitledPage(NamedTuple):
    """A page as its first chunk names it."""

    path: str
    title: str


def names_page(question: str) -> bool:
    """Whether a question has such a name."""
    return any(_labels(question))


def without_numbers(question: str) -> str:
    """The question without those names."""
    return " ".join(_NUMBERED.sub(lambda match: " " if _label(match) else match[0], question).split())


def find_numbered(pages: Sequence[TitledPage], question: str) -> list[str]:
    """The files of the pages it names, in order: those whose title says so, else those whose file or folder does; of several
    names ("module 2, chapter 3") the pages that all of them fit."""
    asked = {*_labels(question)}
    if not asked:
        return []
    best: dict[str, int] = {}
    for page in pages:
        titled, filed = {*_labels_of([page.title])}, {*_labels_of(page.path.rsplit(".", 1)[0].split("/"))}
        if asked <= titled | filed:
            best[page.path] = len(asked & titled)
    most = max(best.values(), default=0)
    return sorted((path for path, titled in best.items() if titled == most), key=_in_order)


def names_alike(question: str, heading_path: Sequence[str]) -> bool:
    """Whether the last heading has a word that begins like one of the question: "Summary" for "summarize"."""
    asked = {word[:ALIKE] for word in _words(question)}
    return not asked.isdisjoint(word[:ALIKE] for word in _words(" ".join(heading_path[-1:])))


def _labels(text: str) -> Iterator[Label]:
    for match in _NUMBERED.finditer(text):
        if (label := _label(match)) is not None:
            yield label


def _label(match: re.Match[str]) -> Label | None:
    names = [match[1]] if match[1] else [match[4], match[4][:1]]
    kind = next((kind for name in names if (kind := _KIND_OF.get(unaccented(name))) is not None), None)
    return None if kind is None else Label(kind, int(match[2] or match[3]))


def _labels_of(names: Iterable[str]) -> Iterator[Label]:
    """Of titles and names of files: at their beginning, or anywhere behind a word of ours."""
    for name in names:
        yield from _labels(name)
        if bare := _BARE.match(name):
            yield Label(_CHAPTER, int(bare[1]))


def _in_order(path: str) -> list[tuple[int, str]]:
    """Pages by the numbers in their names, those that open a folder before the others of it."""
    parts = path.rsplit(".", 1)[0].lower().split("/")
    return [(int(found[0]) if (found := re.search(r"\d+", part)) else 0, part) for part in parts]


def _words(text: str) -> Iterator[str]:
    return (unaccented(word) for word in re.findall(r"\w+", text))

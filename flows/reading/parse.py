"""A page of the book, read: front matter, headings, and blocks with their place in the file.

1. `input_limits.py` refuses what would take too long.
2. `front_matter.py` reads the head.
3. `extensions/` takes out what Markdown does not know, line by line, so that lines keep their numbers.
4. markdown-it-py finds the blocks (CommonMark plus tables; footnotes and definition lists where a page has them). Only blocks:
   inline markup matters for the cleaned rendering alone, which `inline.py` makes much faster.
5. `blocks.py` gives each its place, and `body.py` puts titles of admonitions, comments and imported partials between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, cast

from flows.reading.blocks import Reader
from flows.reading.body import BodyReader
from flows.reading.document import Document, Heading
from flows.reading.front_matter import parse_front_matter
from flows.reading.input_limits import check_input
from flows.reading.lines import lines_of
from flows.source.files import SourceFile
from shared.models import Problem, Site

PLAIN = Site()
UNDERSCORED = frozenset({"docusaurus", "plain", "starlight"})
"""Kinds of site that make no page of a file or folder whose name begins with `_`."""


def parse(file: SourceFile, files: Mapping[str, str] = {}, site: Site = PLAIN) -> Document:
    """The page in `file`, as its site reads it. Raises `DocumentError`.

    `files`: text by path of what pages may include, relative to the book.
    """
    source = lines_of(file.text)
    check_input(file.path, source)
    front = parse_front_matter(file.text)
    body = BodyReader(files, site)
    if front.error is not None:
        body.problems.append(Problem(path=file.path, line=front.error_line, reason=front.error, skipped=False))
    reader = Reader(source)
    blocks = tuple(body.read(reader, source, front, file.path))
    headings = tuple(reader.headings)
    return Document(
        path=file.path,
        text=file.text,
        title=_title(file.path, front.values, headings),
        description=str(front.values.get("description") or ""),
        front_matter=front.values,
        headings=headings,
        blocks=blocks,
        problems=tuple(sorted(body.problems, key=lambda problem: problem.line or 0)),
        skip=_skip(file.path, front.values, site),
        syntax=reader.syntax,
        tags=_tags(front.values),
    )


def _title(path: str, values: Mapping[str, Any], headings: Sequence[Heading]) -> str:
    """Front matter, first h1, or the file's name."""
    given = values.get("title")
    if isinstance(given, str | int | float) and str(given).strip():
        return str(given).strip()
    first = next((heading.text for heading in headings if heading.level == 1 and heading.is_name), None)
    return first or PurePosixPath(path).stem


def _skip(path: str, values: Mapping[str, Any], site: Site) -> str | None:
    """Docusaurus leaves out `_`-files and folders (its `exclude` default), drafts, and unlisted pages from its own search."""
    if site.kind in UNDERSCORED and any(part.startswith("_") for part in PurePosixPath(path).parts):
        return "partial"
    if values.get("draft") is True:
        return "draft"
    return "unlisted" if values.get("unlisted") is True else None


def _tags(values: Mapping[str, Any]) -> tuple[str, ...]:
    """`tags: [a, {label: b}]` or `tags: a, b`, and `keywords` in the same way; one that is there already is left out."""
    tags: dict[str, str] = {}
    for key in ("tags", "keywords"):
        for tag in _labels(values.get(key)):
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())


def _labels(given: object) -> Iterator[str]:
    listed = cast("list[object]", given) if isinstance(given, list) else given.split(",") if isinstance(given, str) else []
    for each in listed:
        label = cast("dict[object, object]", each).get("label") if isinstance(each, dict) else each
        if label is not None and (text := " ".join(str(label).split())):
            yield text

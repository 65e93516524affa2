"""Every construct of `tests/fixtures/reading/`: one text per file, its sources and what is expected of them.

A file is made of parts, each below a line `@@@ name`: first the page, then what it may import, last `@@@ expected`, which may
give limits and the kind of site (`@@@ expected max=40 min=0 fill=30 kind=mkdocs variables`). What is expected is the page as
`_shown` puts it. Tokens are words and punctuation marks. To write the expectations anew: `APPROVE=1 pytest` this file; then
read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flows.reading.document import Document
from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from shared.models import Chunk, Site
from tests.conftest import FIXTURES

CASES = sorted((FIXTURES / "reading").glob("*.txt"))
VARIABLES = {"name": "Acme", "extra": {"name": "Acme"}, "site": {"name": "Acme & Co"}, "config": {"site_name": "Manual"}}
"""What a site's configuration holds for templates."""
PART = re.compile(r"^@@@ (.+)\n", re.MULTILINE)


def count(text: str) -> int:
    """Words and punctuation marks."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def _shown(document: Document, chunks: list[Chunk]) -> str:
    lines = [f"title: {document.title}"]
    lines += [f"description: {document.description}"] if document.description else []
    lines += [f"tags: {', '.join(document.tags)}"] if document.tags else []
    lines += [f"skip: {document.skip}"] if document.skip else []
    lines += [f"problem: line {problem.line}: {problem.reason}" for problem in document.problems]
    for heading in document.headings:
        custom = f" (id {heading.custom_id})" if heading.custom_id else ""
        lines.append(f"heading: line {heading.line}, h{heading.level}: {heading.text}{custom}")
    for chunk in chunks:
        lines += ["", f"--- lines {chunk.start_line}-{chunk.end_line}, {chunk.tokens} tokens", chunk.content]
    return "\n".join(lines) + "\n"


def parts_of(case: Path) -> dict[str, str]:
    """{name: text} of the parts of a file, in order."""
    with case.open(encoding="utf-8", newline="") as stream:
        _, *parts = PART.split(stream.read())
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _limits(name: str) -> ChunkLimits:
    given = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", name)}
    return ChunkLimits(given.get("max", 400), given.get("min", 0), given.get("fill", given.get("max", 300)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_construct_is_read_as_its_author_meant_it(case: Path) -> None:
    parts = parts_of(case)
    path, *others, expected = parts
    kind = re.search(r"kind=(\w+)", expected)
    given = {"options": {"variables": VARIABLES}} if "variables" in expected else {}
    site = Site.model_validate({"kind": kind[1] if kind else "plain", "cross_references": "autorefs" in expected, **given})
    document = parse(SourceFile(path, parts[path]), {name: parts[name] for name in others}, site)
    chunks = split(document, limits=_limits(expected), count=count, collection="book")
    shown = _shown(document, chunks)
    if os.environ.get("APPROVE"):
        with case.open("w", encoding="utf-8", newline="") as stream:
            stream.write("".join(f"@@@ {name}\n{text if name != expected else shown}" for name, text in parts.items()))
    assert shown == parts_of(case)[expected]

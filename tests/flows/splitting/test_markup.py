"""What is indexed holds no markup: measured over the sites of `tests/fixtures/sites/`, awkward as they are."""

from __future__ import annotations

import json
import re

import pytest

from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from shared.models import Chunk
from tests.benchmarks.markup import markup_in
from tests.flows.sites.test_site import BUILT, SITES

TEXT = {"[nowhere]", "rocket", "tada", "greeting"}
"""What no site takes for a mark, so that a reader sees it as it is written: a link to nothing, a word between colons."""


def read(page: str, name: str = "page.md") -> list[Chunk]:
    return split(parse(SourceFile(name, page)), limits=ChunkLimits.up_to(400), count=len, collection="book")


@pytest.mark.parametrize("name", BUILT)
def test_no_chunk_of_a_site_holds_a_mark(name: str) -> None:
    folder, site, left = (SITES / name).parent, BUILT[name], list[tuple[str, str, str]]()
    for source in json.loads((SITES / name).read_text(encoding="utf-8"))["pages"]:
        page = (folder / source).read_text(encoding="utf-8")
        document = parse(SourceFile(source, page), {}, site)
        for chunk in split(document, limits=ChunkLimits.up_to(400), count=len, collection="book"):
            left += [(source, *mark) for mark in markup_in(chunk, page) if not any(word in mark[1] for word in TEXT)]
    assert left == []


@pytest.mark.parametrize(
    ("construct", "mark"),
    [
        ("link", "[x](y.md)"),
        ("emphasis", "**x**"),
        ("HTML tag", "<b>"),
        ("JSX tag", "<Tabs items={[1]}>"),
        ("template", "{{ x }}"),
        ("directive", "::: note"),
        ("role", "{ref}`x`"),
        ("attributes", "{#own}"),
        ("definition", "[x]: y.md"),
        ("footnote mark", "[^1]"),
        ("emoji or icon", ":rocket:"),
        ("keys or marks", "++ctrl+s++"),
    ],
)
def test_a_mark_is_found_in_prose_and_not_where_it_is_shown(construct: str, mark: str) -> None:
    chunk = read("# Page\n\nOnly words.\n")[0]
    written = chunk.content.replace("Only words.", mark)
    (section,) = chunk.sections
    blocks = tuple(block._replace(content_end=len(written)) if block.kind == "paragraph" else block for block in section.blocks)
    left = chunk.model_copy(update={"content": written, "sections": (section.model_copy(update={"blocks": blocks}),)})
    assert construct in {name for name, _ in markup_in(left, "# Page\n\nOnly words.\n")}
    before, behind = ("`` ", " ``") if "`" in mark else ("`", "`")
    for page in (f"# Page\n\nWrite {before}{mark}{behind}.\n", f"# Page\n\n```\n{mark}\n```\n", f"# Page\n\n    {mark}\n"):
        assert [each for chunk in read(page) for each in markup_in(chunk, page)] == []
    escaped = "# Page\n\n" + re.sub(r"([^\w\s])", r"\\\1", mark) + "\n"
    assert [each for chunk in read(escaped) for each in markup_in(chunk, escaped)] == []

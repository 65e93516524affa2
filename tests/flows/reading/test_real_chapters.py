"""Chapters of real books, where they are beside the checkout: what holds of each construct they use, and of all of them.

The constructs are those of `tests/fixtures/reading/`. What stands on a page is told by markdown-it, which has no part in
cutting it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from flows.reading.document import Document
from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from shared.models import Chunk, Site
from tests.conftest import MEASURING_DATA
from tests.flows.reading.test_constructs import count
from tests.flows.splitting.test_split import check_chunks

ROBOTS = "physical-ai-book/corpus"
COURSE = "eval/ml_beginners/corpus"
BOOKS = (ROBOTS, COURSE, "eval/anthropic_docs/corpus", "eval/chroma_general/corpus")
JETSON = f"{ROBOTS}/lab-infrastructure/jetson-setup/index.mdx"
REALSENSE = f"{ROBOTS}/lab-infrastructure/realsense-setup/index.mdx"
LIMITS = ChunkLimits()
HEAD = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
STATEMENT = re.compile(r"^(?:import|export) .*|^</?[A-Z][^>]*>", re.MULTILINE)
SHOWN = {"text", "code_inline"}
BREAKS = {"softbreak", "hardbreak"}
WORD = re.compile(r"\w+")


class Chapter(NamedTuple):
    """A page and its chunks."""

    page: Document
    chunks: list[Chunk]

    @property
    def content(self) -> str:
        """What is indexed of it."""
        return "\n\n".join(chunk.content for chunk in self.chunks)


@cache
def read(path: str, limits: ChunkLimits = LIMITS) -> Chapter:
    """The chapter at `path` below the data; skips where that is not at hand."""
    file = MEASURING_DATA / path
    if not file.is_file():
        pytest.skip(f"{path} is not beside the checkout")
    site = Site(format="mdx" if path.startswith(ROBOTS) else "")
    page = parse(SourceFile(path, file.read_text(encoding="utf-8-sig")), site=site)
    return Chapter(page, split(page, limits=limits, count=count, collection="book"))


def chapters(book: str) -> list[Chapter]:
    folder = MEASURING_DATA / book
    if not folder.is_dir():
        pytest.skip(f"{book} is not beside the checkout")
    return [read(path.relative_to(MEASURING_DATA).as_posix()) for path in sorted(folder.rglob("*.md*"))]


def tokens_of(text: str) -> list[Token]:
    """markdown-it's tokens of a page; blank lines stand for its front matter."""
    head = HEAD.match(text)
    blank = "\n" * text.count("\n", 0, head.end()) if head else ""
    return MarkdownIt("commonmark").enable("table").parse(blank + (text[head.end() :] if head else text))


def lines_of(text: str, first: int, last: int) -> str:
    return "".join(text.splitlines(keepends=True)[first:last])


def holders(chapter: Chapter, first: int, last: int) -> list[Chunk]:
    """The chunks that have a share in lines first..last-1, counted from 0."""
    return [chunk for chunk in chapter.chunks if chunk.start_line <= last and first < chunk.end_line]


SEEN: list[tuple[str, str, str]] = [
    ("an admonition's title and text", JETSON, "Note\n\nFor humanoid robotics applications, we recommend the 8GB variant"),
    ("a table's cells, entities decoded", REALSENSE, "| Depth Accuracy | <2% of distance (Z-axis) |"),
    ("a tab's name above its code", REALSENSE, "High Density Mode\n\n```python\n# Best for detailed 3D scanning"),
    ("a tab's name that its page does not repeat", REALSENSE, "\n\nDefault/Balanced\n\n```python"),
    ("a task without its box", JETSON, "\n- Use latest JetPack version\n"),
    (
        "a nested list",
        f"{ROBOTS}/part-1-foundations/chapter-1-introduction.mdx",
        "1. Perception System\n   - Sensors (visual, depth, inertial, tactile)\n   - Data fusion and processing",
    ),
    (
        "a comment in code in a list",
        f"{ROBOTS}/lab-infrastructure/workstation-setup/gpu-optimization.mdx",
        "```xml\n   <!-- ~/.gazebo/gui.ini -->\n   [rendering]",
    ),
    ("emoji in a heading", f"{ROBOTS}/intro.md", " > 📖 What This Book Covers"),
    ("code in a heading", f"{COURSE}/6-NLP/2-Tasks/README.md", " > Exercise - using TextBlob library"),
    ("a link in a heading", f"{COURSE}/7-TimeSeries/1-Introduction/README.md", "Time Series data characteristics to consider"),
    ("HTML in a quote", f"{COURSE}/9-Real-World/README.md", "Photo by Alexis Fauvet on Unsplash"),
    ("an HTML picture's alternative text", f"{COURSE}/8-Reinforcement/2-Gym/README.md", "a cartpole"),
    ("a picture's alternative text", f"{COURSE}/9-Real-World/README.md", "\n\nchess\n\n"),
]


@pytest.mark.parametrize(("path", "content"), [case[1:] for case in SEEN], ids=[case[0] for case in SEEN])
def test_what_a_reader_sees_is_indexed(path: str, content: str) -> None:
    shown = read(path).content
    assert content in (shown if content.startswith(("\n", " ", "```xml")) else re.sub(r"^ {3}(?=```|<!--|\[)", "", shown))


UNSEEN: list[tuple[str, str, str]] = [
    ("tags of components", REALSENSE, r"</?Tab|<BudgetCalculator"),
    ("an admonition's marks", JETSON, r"^:::"),
    ("imports of components", REALSENSE, r"@theme/"),
    ("boxes of tasks", JETSON, r"^\s*- \[[ x]\]"),
    ("front matter", JETSON, r"^last_updated:|^sidebar_position:"),
    ("the targets of links", f"{COURSE}/9-Real-World/README.md", r"https?://|images/chess"),
    ("tags of HTML", f"{COURSE}/8-Reinforcement/2-Gym/README.md", r"<img|<br"),
]


@pytest.mark.parametrize(("path", "pattern"), [case[1:] for case in UNSEEN], ids=[case[0] for case in UNSEEN])
def test_what_no_reader_sees_is_not_indexed(path: str, pattern: str) -> None:
    assert re.findall(pattern, read(path).content, re.MULTILINE) == []


def test_a_component_without_children_leaves_nothing_but_its_place() -> None:
    chapter = read(f"{ROBOTS}/lab-infrastructure/budget-calculator.mdx")
    assert "<BudgetCalculator />" in chapter.page.text
    assert "BudgetCalculator" not in chapter.content


def test_diagrams_are_kept_whole() -> None:
    diagrams = [
        (chapter, token)
        for chapter in chapters(ROBOTS)
        for token in tokens_of(chapter.page.text)
        if token.type == "fence" and token.info == "mermaid"
    ]
    assert len(diagrams) >= 6
    for chapter, token in diagrams:
        (holder,) = holders(chapter, *(token.map or (0, 0)))
        assert f"```mermaid\n{token.content}```" in holder.content


def test_a_table_cut_between_rows_repeats_its_header() -> None:
    chapter = read(f"{COURSE}/4-Classification/2-Classifiers-1/README.md", ChunkLimits(150, 0, 120))
    *_, table = (token for token in tokens_of(chapter.page.text) if token.type == "table_open")
    first, last = table.map or (0, 0)
    header = re.sub(r"\s+", "", lines_of(chapter.page.text, first, first + 1))
    parts = holders(chapter, first, last)
    assert len(parts) > 1
    assert [part.start_line for part in parts if header not in re.sub(r"\s+", "", part.content)] == []


def test_a_wide_tables_header_keeps_its_row_of_dashes() -> None:
    chapter = read(f"{COURSE}/4-Classification/2-Classifiers-1/README.md")
    tables = [token.map[0] for token in tokens_of(chapter.page.text) if token.type == "table_open" and token.map]
    assert len(tables) == 4
    assert all(len(holders(chapter, first, first + 2)) == 1 for first in tables)


def test_titles_are_those_of_the_front_matter() -> None:
    for chapter in chapters(ROBOTS):
        given = chapter.page.front_matter["title"]
        assert chapter.page.title == given
        assert all(chunk.content.startswith(given) for chunk in chapter.chunks)
        assert chapter.page.problems == ()


def test_text_without_a_heading_stands_under_none() -> None:
    for name in ("chatlogs", "finance", "state_of_the_union", "wikitexts"):
        assert {chunk.heading_path for chunk in read(f"eval/chroma_general/corpus/{name}.md").chunks} == {()}


def test_speech_is_cut_between_sentences() -> None:
    chapter = read("eval/chroma_general/corpus/state_of_the_union.md")
    assert len(chapter.chunks) > 30
    assert [chunk.text[-40:] for chunk in chapter.chunks if not re.search(r"[.!?:—][”\"’')]*$", chunk.text)] == []
    assert all(chunk.text[0].isupper() or chunk.text[0] in "“\"'(‘0123456789" for chunk in chapter.chunks)


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("limits", [LIMITS, ChunkLimits(100, 25, 78)], ids=lambda limits: str(limits.max_tokens))
def test_chunks_cover_a_book_in_order_and_within_the_limit(book: str, limits: ChunkLimits) -> None:
    for chapter in chapters(book):
        chunks = read(chapter.page.path, limits).chunks
        check_chunks(chapter.page, chunks, limits, count)


@pytest.mark.parametrize("book", BOOKS)
def test_every_word_that_markdown_it_finds_is_indexed(book: str) -> None:
    for chapter in chapters(book):
        indexed = set(WORD.findall(chapter.content))
        assert _words(chapter.page) - indexed == set(), chapter.page.path


def _words(page: Document) -> set[str]:
    """Of prose and code, as markdown-it reads them; indented code is none in MDX."""
    words: set[str] = set()
    mdx = page.path.startswith(ROBOTS)
    for token in tokens_of(STATEMENT.sub("", page.text) if mdx else page.text):
        if token.type == "fence" or (token.type == "code_block" and not mdx):
            words |= set(WORD.findall(token.content))
        children = [child for child in token.children or [] if child.type in SHOWN | BREAKS]
        words |= set(WORD.findall("".join([" " if child.type in BREAKS else child.content for child in children])))
    return words


def _pieces(wanted: Callable[[Token], bool], chapter: Chapter) -> list[tuple[int, int]]:
    """Lines of what may not be cut where it fits."""
    text = chapter.page.text
    found = [(token.map[0], lines_of(text, *token.map)) for token in tokens_of(text) if token.map and wanted(token)]
    return [(first, first + len(piece.rstrip().splitlines())) for first, piece in found if count(piece) <= LIMITS.max_tokens]


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("kind", ["fence", "tr_open", "list_item_open", "blockquote_open"])
def test_what_fits_is_in_one_chunk(book: str, kind: str) -> None:
    for chapter in chapters(book):
        for first, last in _pieces(lambda token: token.type == kind, chapter):
            assert len(holders(chapter, first, last)) == 1, f"{chapter.page.path}:{first + 1}"

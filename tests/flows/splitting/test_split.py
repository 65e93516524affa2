"""Splitting a page: what holds for every page and every size; the constructs one by one are in `test_constructs.py`."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise
from pathlib import Path
from uuid import uuid5

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.reading.document import Document, code_ranges
from flows.reading.long_targets import long_targets, without
from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.chunks import NAMESPACE
from flows.splitting.split import ChunkLimits, split
from shared.models import Chunk
from shared.settings import Settings
from shared.tokens import CountTokens, estimate_tokens, load_tokenizer, vocabulary_folder
from tests.conftest import REPOSITORY
from tests.flows.reading.test_constructs import CASES, count, parts_of

GRID = [ChunkLimits(), ChunkLimits(64, 0, 64), ChunkLimits(100, 40, 60), ChunkLimits(1000, 300, 800)]
NOT_TEXT = re.compile(r"\A---\n.*?^---\n|^import .*|^export .*|</?[A-Za-z][^<>]*>|</?>", re.MULTILINE | re.DOTALL)
"""What no chunk needs to cover: front matter, imports, exports, tags."""


def _chunks(text: str, limits: ChunkLimits = GRID[0], path: str = "page.md", tokens: CountTokens = count) -> list[Chunk]:
    return split(parse(SourceFile(path, text)), limits=limits, count=tokens, collection="book")


def check_chunks(page: Document, chunks: list[Chunk], limits: ChunkLimits, tokens: CountTokens) -> None:
    """Everything that holds whatever the page and the sizes."""
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for chunk in chunks:
        assert chunk.text == page.text[chunk.start : chunk.end]
        assert chunk.text.strip() != ""
        assert chunk.tokens <= limits.max_tokens
        assert chunk.start_line == len(re.findall(r"\r\n?|\n", page.text[: chunk.start])) + 1
        assert chunk.end_line == chunk.start_line + len(re.findall(r"\r\n?|\n", chunk.text))
        assert chunk.sections[0].start == chunk.start
        assert all(section.heading_path[: len(chunk.heading_path)] == chunk.heading_path for section in chunk.sections)
    assert all(before.end <= after.start for before, after in pairwise(chunks))
    if tokens is not estimate_tokens:
        code = code_ranges(page.blocks)
        unseen = [(start, end) for start, end in long_targets(page.text) if not any(a <= start < b for a, b in code)]
        seen = [without(page.text, unseen, chunk.start, chunk.end) for chunk in chunks]
        assert [chunk.tokens for chunk in chunks] == [tokens(text) for text in seen]


def _uncovered(page: Document, chunks: list[Chunk]) -> str:
    left, reached = "", 0
    for chunk in chunks:
        left += page.text[reached : chunk.start] + "\n"
        reached = chunk.end
    return left + page.text[reached:]


def _check_fences(page: Document, chunks: list[Chunk], limits: ChunkLimits, tokens: CountTokens) -> None:
    for fence in (block for block in page.blocks if block.kind == "fence"):
        if tokens(page.text[fence.start : fence.end]) <= limits.max_tokens:
            assert any(chunk.start <= fence.start and fence.end <= chunk.end for chunk in chunks), fence.text


@pytest.fixture(scope="module")
def tokens() -> CountTokens:
    """The counting that OpenAI's models do where its vocabulary was fetched, words and signs where not."""
    tokenizer = load_tokenizer(vocabulary_folder(REPOSITORY / Settings.model_fields["data_dir"].default))
    return tokenizer.count if tokenizer.exact else count


OTHER_FILES = re.compile("partial|includes-of")
"""Cases whose text is not in the page."""


@pytest.mark.parametrize("limits", GRID, ids=lambda limits: str(limits.max_tokens))
@pytest.mark.parametrize("case", [case for case in CASES if not OTHER_FILES.search(case.stem)], ids=lambda case: case.stem)
def test_every_construct_is_covered_in_order_and_within_the_limit(case: Path, limits: ChunkLimits, tokens: CountTokens) -> None:
    path, text = next(iter(parts_of(case).items()))
    page = parse(SourceFile(path, text))
    for counting in (tokens, count, estimate_tokens):
        chunks = split(page, limits=limits, count=counting, collection="book")
        check_chunks(page, chunks, limits, counting)
        _check_fences(page, chunks, limits, counting)


@pytest.mark.parametrize("limits", GRID, ids=lambda limits: str(limits.max_tokens))
def test_a_real_book_is_covered_in_order_and_within_the_limit(
    real_book: Path, limits: ChunkLimits, tokens: CountTokens
) -> None:
    for path in sorted(real_book.rglob("*.md*")):
        page = parse(SourceFile(path.relative_to(real_book).as_posix(), path.read_text(encoding="utf-8")))
        chunks = split(page, limits=limits, count=tokens, collection="book")
        check_chunks(page, chunks, limits, tokens)
        _check_fences(page, chunks, limits, tokens)
        assert NOT_TEXT.sub("", _uncovered(page, chunks)).strip() == ""


_words = st.lists(
    st.sampled_from(["one", "two.", "Three", "*four*", "`five`", "[six](x)", "séven", "八", "nine!", "é"]),
    min_size=1,
    max_size=40,
)
_prose = _words.map(" ".join)
_items = st.lists(_prose, min_size=1, max_size=5)
_code = st.lists(st.sampled_from(["x = 1", "    y = 2", "", "# not a heading", "| no | table |"]), max_size=30)
_blocks = st.one_of(
    _prose,
    st.builds(lambda level, text: f"{'#' * level} {text}", st.integers(1, 4), _words.map(lambda words: " ".join(words[:4]))),
    _items.map(lambda items: "\n".join(f"- {item}" for item in items)),
    _items.map(lambda items: "\n".join(f"{'  ' * depth}- {item}" for depth, item in enumerate(items))),
    _items.map(lambda items: "\n".join(f"> {item}" for item in items)),
    _items.map(lambda items: "\n>\n".join(f"> - {item}" for item in items)),
    _items.map(lambda items: "- " + "\n\n  ".join(items)),
    _items.map(lambda items: "| a |\n|---|\n" + "\n".join(f"| {item} |" for item in items)),
    st.builds(lambda lines, mark: "\n".join([mark + "py", *lines, mark]), _code, st.sampled_from(["```", "~~~~"])),
    st.just("---\n"),
    _prose.map(lambda text: f"<!-- {text} -->"),
    _prose.map(lambda text: f":::note[{text[:9]}]\n\n{text}\n\n:::"),
)
_pages = st.lists(_blocks, max_size=25).map(lambda blocks: "\n\n".join(["Text.", *blocks]))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    text=_pages,
    limits=st.sampled_from([ChunkLimits(64, 20, 50), ChunkLimits(24, 10, 20), ChunkLimits(200, 60, 150)]),
    ends=st.sampled_from(["\n", "\r\n"]),
)
@example(text="", limits=ChunkLimits(), ends="\n")
def test_any_page_is_covered_in_order_and_within_the_limit(text: str, limits: ChunkLimits, ends: str) -> None:
    page = parse(SourceFile("page.md", text.replace("\n", ends)))
    chunks = split(page, limits=limits, count=count, collection="book")
    check_chunks(page, chunks, limits, count)
    _check_fences(page, chunks, limits, count)
    without_comments = re.sub(r"<!--.*?-->", "", _uncovered(page, chunks))
    assert without_comments.strip() == "" or not chunks


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(text=st.text(max_size=400), path=st.sampled_from(["page.md", "page.mdx"]))
def test_any_text_at_all_is_read_and_split(text: str, path: str) -> None:
    page = parse(SourceFile(path, text))
    check_chunks(
        page, split(page, limits=ChunkLimits(64, 20, 50), count=count, collection="book"), ChunkLimits(64, 20, 50), count
    )


CHAPTER = "\n\n".join(
    f"{'## Section ' + str(n) if n % 7 == 0 else '### Part ' + str(n) if n % 7 == 3 else ''}\n\n"
    + " ".join(
        f"Sentence {word} of paragraph {n} speaks of topic {n * 31 % 17} and number {word * n}."
        for word in range(3 + n * 5 % 7)
    )
    for n in range(60)
)


def _new(before: list[Chunk], after: list[Chunk]) -> int:
    return len({chunk.content_hash for chunk in after} - {chunk.content_hash for chunk in before})


def test_editing_a_paragraph_changes_one_chunk() -> None:
    before = _chunks(CHAPTER)
    assert len(before) > 20
    for n in range(60):
        assert _new(before, _chunks(CHAPTER.replace(f"Sentence 1 of paragraph {n} ", f"Sentence 1 of the paragraph {n} "))) == 1


def test_an_inserted_paragraph_changes_the_chunks_beside_it_and_no_other() -> None:
    before = _chunks(CHAPTER)
    changed = [
        _new(
            before,
            _chunks(
                CHAPTER.replace(f"Sentence 0 of paragraph {n} ", f"An inserted paragraph.\n\nSentence 0 of paragraph {n} ")
            ),
        )
        for n in range(60)
    ]
    assert max(changed) <= 3
    assert sum(changed) / len(changed) < 1.3


def test_renaming_a_file_changes_ids_but_no_content() -> None:
    for text in (CHAPTER, "Only text.\n", "## Not the title\n\nText.\n"):
        one, other = _chunks(text, path="one.md"), _chunks(text, path="folder/other.md")
        assert [chunk.content_hash for chunk in one] == [chunk.content_hash for chunk in other]
        assert not {chunk.id for chunk in one} & {chunk.id for chunk in other}


def test_ids_are_the_same_every_time_and_tell_equal_texts_apart() -> None:
    text = "## Same\n\nText.\n\n## Same\n\nText.\n"
    limits = ChunkLimits(400, 0, 300)
    first, second = _chunks(text, limits)
    assert first.content_hash == second.content_hash
    assert first.id != second.id
    assert [chunk.id for chunk in _chunks(text, limits)] == [first.id, second.id]
    name = "\x1f".join(("book", "page.md", "Same", first.content_hash))
    assert [first.id, second.id] == [str(uuid5(NAMESPACE, f"{name}\x1f{number}")) for number in (0, 1)]


def test_a_chunk_carries_the_address_of_each_heading_in_it() -> None:
    page = parse(SourceFile("page.md", "# Top\n\nIntro.\n\n## A\n\nText of a.\n\n## B\n\nText of b.\n"))
    anchors = [None, "a", "b"]
    headings = tuple(
        dataclasses.replace(heading, anchor=anchor) for heading, anchor in zip(page.headings, anchors, strict=True)
    )
    page = dataclasses.replace(page, headings=headings, url="https://book.example/page")
    (merged,) = split(page, limits=ChunkLimits(), count=count, collection="book")
    assert (merged.url, merged.anchor, merged.heading_path) == ("https://book.example/page", None, ("Top",))
    assert [(section.heading_path, section.anchor) for section in merged.sections] == [
        (("Top",), None),
        (("Top", "A"), "a"),
        (("Top", "B"), "b"),
    ]
    assert [page.text[section.start :].split("\n")[0] for section in merged.sections] == ["# Top", "## A", "## B"]
    apart = split(page, limits=ChunkLimits(400, 0, 300), count=count, collection="book")
    assert [chunk.url for chunk in apart] == ["https://book.example/page" + end for end in ("", "#a", "#b")]


def test_a_continued_section_keeps_its_headings_and_anchor() -> None:
    page = parse(SourceFile("page.md", "## Long\n\n" + "\n\n".join(f"Paragraph {n} has some words." for n in range(30))))
    page = dataclasses.replace(page, headings=(dataclasses.replace(page.headings[0], anchor="long"),))
    chunks = split(page, limits=ChunkLimits(64, 0, 50), count=count, collection="book")
    assert len(chunks) > 3
    assert {(chunk.heading_path, chunk.anchor) for chunk in chunks} == {(("Long",), "long")}
    assert all(chunk.content.startswith("Long\n\n") for chunk in chunks)


def test_what_a_partial_says_stands_in_the_place_of_its_tag() -> None:
    files = {"_p.mdx": "Said by the partial, in a sentence. " * 20}
    text = "import P from './_p.mdx'\n\nBefore.\n\n<P/>\n\nAfter.\n"
    chunks = split(parse(SourceFile("page.mdx", text), files), limits=ChunkLimits(64, 0, 64), count=count, collection="book")
    assert " ".join(chunk.content for chunk in chunks).count("Said by the partial") == 20
    assert all(chunk.tokens == count(chunk.text) <= 64 and count(chunk.content) <= 64 for chunk in chunks)
    assert {chunk.start for chunk in chunks[1:]} == {text.index("<P/>")}
    assert len({chunk.id for chunk in chunks}) == len(chunks)


def test_an_emoji_of_several_characters_is_not_cut() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
    chunks = _chunks(family * 60, ChunkLimits(16, 0, 16), tokens=len)
    assert len(chunks) > 1
    assert all(chunk.text.startswith("\U0001f468") or chunk.text[0] in "\U0001f469\U0001f467\U0001f466" for chunk in chunks)


def test_a_page_without_text_has_no_chunks() -> None:
    assert _chunks("") == []
    assert _chunks("---\ntitle: x\n---\n\n\n") == []
    assert _chunks("<!-- only a comment -->\n") == []


@pytest.mark.parametrize("comment", ["<!--%s-->", "{/*%s*/}"])
def test_a_comment_over_the_limit_before_the_first_heading_is_no_chunk_and_no_failure(comment: str) -> None:
    chunks = _chunks(comment % (" words of a licence" * 500) + "\n\n# Title\n\nText.\n")
    assert [chunk.text for chunk in chunks] == ["# Title\n\nText."]


@pytest.mark.parametrize("size", range(1, 60))
def test_no_chunk_of_a_word_over_the_limit_is_empty_or_begins_inside_a_line_end(size: int) -> None:
    text = "# T\r\n\r\n- é" + "(x)[" * size + "\r\n\r\n" + "x" * 40 * size + "\r\n \r\n"
    for chunk in _chunks(text, ChunkLimits(12, 6, 10)):
        assert chunk.text.strip()
        assert not chunk.text.startswith("\n")
        assert chunk.start_line == text.count("\n", 0, chunk.start) + 1
        assert chunk.end_line == text.count("\n", 0, chunk.end) + 1

"""Reading a page: what holds for every page; the constructs one by one are in `test_constructs.py`."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from flows.reading.document import Document
from flows.reading.parse import parse
from flows.source.files import SourceFile
from shared.errors import DocumentError


def _read(text: str, path: str = "page.md", **partials: str) -> Document:
    return parse(SourceFile(path, text), partials)


def _chapters(book: Path) -> list[Document]:
    paths = sorted(book.rglob("*.md*"))
    return [parse(SourceFile(path.relative_to(book).as_posix(), path.read_text(encoding="utf-8"))) for path in paths]


def test_front_matter_may_end_its_lines_as_old_macs_did() -> None:
    page = parse(SourceFile("a.md", "---\rtitle: Opening\r---\r# A heading\r\rText.\r"))
    assert (page.title, [block.text for block in page.blocks]) == ("Opening", ["A heading", "Text."])


def test_the_headings_of_a_real_book_are_those_its_site_shows(real_book: Path) -> None:
    site = json.loads((real_book.parent / "site.json").read_text(encoding="utf-8"))
    shown = {page["source"]: [(heading["level"], heading["text"]) for heading in page["headings"]] for page in site["pages"]}
    assert {page.path: [(heading.level, heading.text) for heading in page.headings] for page in _chapters(real_book)} == shown


def test_no_comment_in_a_fence_of_a_real_book_is_a_heading(real_book: Path) -> None:
    fences = [block for page in _chapters(real_book) for block in page.blocks if block.kind == "fence"]
    comments = [line for fence in fences for line in fence.text.splitlines() if line.startswith(("# ", "## ", "### "))]
    assert len(comments) > 200
    headings = {heading.start for page in _chapters(real_book) for heading in page.headings}
    for page in _chapters(real_book):
        for block in page.blocks:
            if block.kind == "fence":
                assert not any(block.start <= heading.start < block.end for heading in page.headings)
    assert headings


def test_a_heading_knows_its_place_in_the_file() -> None:
    page = _read("---\ntitle: x\n---\n\nText.\r\n\r\n## Über *uns* {#about}\r\n\r\nMore.\n")
    heading = page.headings[0]
    assert page.text[heading.start : heading.end] == "## Über *uns* {#about}"
    assert (heading.line, heading.level, heading.text, heading.html, heading.custom_id) == (
        7,
        2,
        "Über uns",
        "Über *uns*",
        "about",
    )


def test_blocks_are_in_order_and_apart() -> None:
    page = _read("# A\n\n- one\n- two\n\n> q\n\n| a |\n|---|\n| b |\n\n```\nx\n```\n<!-- c -->\n\nText\n")
    kinds = [block.kind for block in page.blocks]
    assert kinds == ["heading", "list_item", "list_item", "quote", "table", "fence", "text", "paragraph"]
    assert all(before.end <= after.start for before, after in zip(page.blocks, page.blocks[1:], strict=False))


@pytest.mark.parametrize(
    ("front_matter", "title"),
    [("title: Given\n", "Given"), ("title: 2024\n", "2024"), ("title: ''\n", "Heading"), ("", "Heading")],
)
def test_the_title_is_the_front_matters_or_the_first_h1(front_matter: str, title: str) -> None:
    assert _read(f"---\n{front_matter}---\n## Second\n\n# Heading\n").title == title


def test_the_title_of_a_page_that_gives_none_is_its_files_name() -> None:
    assert _read("Only text.\n", "guide/getting-started.mdx").title == "getting-started"


@pytest.mark.parametrize(
    ("front_matter", "read"),
    [
        ("tags: [a, b]", ("a", "b")),
        ("tags: solo", ("solo",)),
        ("tags: one, two words", ("one", "two words")),
        ("tags: [{label: Long one, permalink: /x}, 3, '', null, {permalink: /y}]", ("Long one", "3")),
        ("tags: {a: b}", ()),
        ("keywords: [ROS 2, slam]", ("ROS 2", "slam")),
        ("tags: [SLAM, maps]\nkeywords: [ROS 2, slam]", ("SLAM", "maps", "ROS 2")),
    ],
)
def test_tags_and_keywords_are_read_in_every_form_docusaurus_takes(front_matter: str, read: tuple[str, ...]) -> None:
    assert _read(f"---\n{front_matter}\n---\nText.\n").tags == read


@pytest.mark.parametrize(
    ("path", "front_matter", "skip"),
    [
        ("_part.mdx", "", "partial"),
        ("_parts/part.mdx", "", "partial"),
        ("page.md", "draft: true", "draft"),
        ("page.md", "draft: false", None),
        ("page.md", "unlisted: true", "unlisted"),
    ],
)
def test_pages_that_are_not_part_of_the_book_say_why(path: str, front_matter: str, skip: str | None) -> None:
    assert _read(f"---\n{front_matter}\n---\nText.\n", path).skip == skip


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a\n" * 1_000_001, None, "2000002 bytes"),
        ("é\n" * 700_000, None, "2100000 bytes"),
        ("ok\n" + "x" * 20_001 + "\n", 2, "20001 bytes"),
        ("ok\n" + "字" * 7_000, 2, "21000 bytes"),
        ("ok\n\n" + "|".join("a" * 201) + "\n" + "|".join(["--"] * 201), 4, "201 columns"),
        ("> " * 101 + "deep", 1, "nested 101 deep"),
        ("- " * 5_000 + "deep", 1, "nested deeper than 100"),
        ("\n".join("  " * depth + "- x" for depth in range(120)), 99, "nested deeper than 100"),
    ],
    ids=["file", "file-utf8", "line", "line-utf8", "columns", "quotes", "lists-in-a-line", "lists"],
)
def test_a_file_over_a_cap_is_an_error_with_its_place(text: str, line: int | None, part: str) -> None:
    with pytest.raises(DocumentError, match=part) as caught:
        _read(text)
    assert (caught.value.path, caught.value.line) == ("page.md", line)


def test_input_at_the_caps_is_read() -> None:
    nested = "\n".join("  " * depth + "- x" for depth in range(60))
    wide = "|".join("a" * 200) + "\n" + "|".join(["-"] * 200)
    page = _read(f"{'> ' * 90}deep\n\n{nested}\n\n{wide}\n\n{'y' * 20_000}\n")
    assert [block.kind for block in page.blocks] == ["quote", "list_item", "table", "paragraph"]


HOSTILE = [
    *("<A b={\n", "<A b='\n", "<!--\n", "{/*\n", "$$\n", ":::note\n", "```\n~~~\n", "import {\n", "export const a = `\n"),
    *("[a]: <\n", "[a", "![", "`a``b```", "<a>\n<b>\n", "</a>\n", "<Tabs>\n", "| a ", "!!! note\n    ", "--8<-- x\n"),
    *(
        "{/* a */ b\n",
        "{\n",
        "> {/* a\n",
        "> !!! note\n>     ",
        "<div>\n# a\n</div>\n",
        "```mdx-code-block\n",
        "a\n: b\n",
        "[^a]: b\n",
        "> - 1. ",
        "\t",
        "</",
        "<",
        "&",
        "*a_ ",
        "{",
        "\\",
        "\r",
        "\u2028",
        "\x00",
        "\ufeff",
        "\U0001f600",
    ),
]


@pytest.mark.parametrize("scrap", HOSTILE)
@pytest.mark.parametrize("path", ["page.md", "page.mdx"])
def test_a_hundred_kilobytes_of_one_construct_are_read_or_refused(scrap: str, path: str) -> None:
    """None of these ends within the life of the test run where the work is quadratic."""
    lines = scrap if "\n" in scrap else scrap * (10_000 // len(scrap.encode())) + "\n"
    text = lines * (100_000 // len(lines.encode()))
    try:
        assert _read(text, path).text == text
    except DocumentError as error:
        assert "expected at most" in error.reason or "nested deeper" in error.reason  # noqa: PT017  both ends are right


def test_a_term_of_a_definition_list_has_its_place_in_the_file() -> None:
    text = "Text.\n\nTerm\n: What it means.\n\nOther term\n\n:   What that means.\n"
    page = _read(text)
    assert [text[block.start : block.end] for block in page.blocks] == [
        "Text.",
        "Term",
        ": What it means.",
        "Other term",
        ":   What that means.",
    ]


def test_broken_front_matter_is_a_problem_with_its_line_and_what_can_be_read_of_it_is() -> None:
    page = _read("---\nid: start\ntitle: 'A: b'\nbad: [1,\ndraft: true\n---\n# Text\n")
    assert [(problem.line, problem.skipped) for problem in page.problems] == [(4, False)]
    assert page.front_matter == {"id": "start", "title": "A: b", "bad": "[1,", "draft": True}
    assert page.skip == "draft"


@pytest.mark.parametrize(
    "front_matter", ["a: &a [*a]", "[" * 3000, "x: 2024-99-99", "? [a]\n: b", "a: " + "9" * 5000, "!!python/object:os.system x"]
)
def test_no_front_matter_breaks_the_page(front_matter: str) -> None:
    page = _read(f"---\n{front_matter}\n---\nStill read.\n")
    assert [block.text for block in page.blocks] == ["Still read."]


def test_partials_that_import_each_other_end() -> None:
    partials = {"_a.mdx": "import B from './_b.mdx'\n\nA\n\n<B/>\n", "_b.mdx": "import A from './_a.mdx'\n\nB\n\n<A/>\n"}
    page = parse(SourceFile("page.mdx", "import A from './_a.mdx'\n\n<A/>\n"), partials)
    assert [block.text for block in page.blocks] == ["A", "B"]
    assert ["imports itself" in problem.reason for problem in page.problems] == [True]


def test_a_page_cannot_be_blown_up_with_partials() -> None:
    partials = {f"_{n}.mdx": f"import P from './_{n + 1}.mdx'\n\nText {n}\n\n<P/>\n\n<P/>\n" for n in range(40)}
    page = parse(SourceFile("page.mdx", "import P from './_0.mdx'\n\n<P/>\n"), partials)
    assert len(page.blocks) <= 100


def test_a_partial_over_a_cap_is_an_error_with_its_own_path() -> None:
    with pytest.raises(DocumentError, match=r"^parts/_a.mdx:1: "):
        parse(SourceFile("page.mdx", "import A from './parts/_a.mdx'\n\n<A/>\n"), {"parts/_a.mdx": "x" * 20_001})


def test_a_document_survives_the_way_between_processes() -> None:
    page = _read("# A\n\n- b\n  - c\n")
    assert pickle.loads(pickle.dumps(page)) == page

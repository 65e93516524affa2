"""Random pages made of every construct: all that a reader sees is in a chunk and in what is indexed, whatever stands around it.

`FUZZ_EXAMPLES=100000 pytest tests/flows/reading/test_any_page.py` looks further, at other pages every time.
"""

from __future__ import annotations

import os
import re
from itertools import count as numbers
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from tests.flows.reading.test_constructs import count
from tests.flows.splitting.test_split import check_chunks

FUZZ = int(os.environ.get("FUZZ_EXAMPLES", "0"))
LIMITS = [ChunkLimits(), ChunkLimits(64, 20, 50), ChunkLimits(24, 10, 20), ChunkLimits(200, 0, 150)]
SCRAPS = (
    *("\n", "\n\n", "\n    ", "\n  ", " ", "\t", "\r\n", "word", "Word. ", "é", "汉", "\u2028", "\\"),
    *(
        "# ",
        "\n## ",
        "\n---\n",
        "\n===\n",
        "```",
        "\n```py\n",
        "\n~~~\n",
        "`",
        "> ",
        "\n> ",
        "\n- ",
        "\n1. ",
        "\n* [ ] ",
        "| a | b |\n",
    ),
    *(
        "|---|---|\n",
        "|",
        "[^1]",
        "\n[^1]: ",
        "\n: ",
        "[a](b)",
        "![a](b)",
        "\n[a]: b\n",
        "$$\n",
        "$x$",
        "<div>",
        "</div>",
        "<br/>",
    ),
    *(
        "<Tabs>",
        "</Tabs>",
        "\n<Tabs>\n",
        "\n</Tabs>\n",
        "<A b={",
        "}",
        "{",
        "/>",
        "<A b='",
        "<!--",
        "-->",
        "{/*",
        "*/}",
        "<>",
        "</>",
    ),
    *(
        "\n:::note[T]\n",
        "\n:::\n",
        "\n::::tip\n",
        '\n!!! note "T"\n',
        "\n??? tip\n    ",
        '\n=== "T"\n',
        "\n> [!NOTE]\n> ",
        "{#id}",
    ),
    *(
        "\nimport A from './a'\n",
        "\nexport const a = {\n",
        "\n{{#include a}}\n",
        '\n--8<-- "a"\n',
        "\n+++\n",
        "&amp;",
        "**",
        "_",
        "<style>",
    ),
)


class Author:
    """Writes pages of nested constructs; `words` are those a reader sees, each of them once on the page."""

    def __init__(self, random: Random, *, mdx: bool) -> None:
        self.random = random
        self.mdx = mdx
        self.numbers = numbers()
        self.words: list[str] = []
        self.notes = 0

    def word(self) -> str:
        """A word that is nowhere else."""
        self.words.append(f"w{next(self.numbers)}w")
        return self.words[-1]

    def prose(self) -> str:
        """Words with inline markup between them."""
        forms = (
            "{}",
            "{}",
            "**{}**",
            "*{}*",
            "`{}`",
            "[{}](https://example.org/a_(b))",
            "![{}](i.png)",
            "<b>{}</b>",
            "~~{}~~",
            "{}.",
        )
        words = [self.random.choice(forms).format(self.word()) for _ in range(self.random.randint(1, 12))]
        return " ".join(words).replace(". ", ".\n" if self.random.random() < 0.3 else ". ")

    def page(self) -> str:
        """A page, with front matter and imports or without."""
        head = "---\ntitle: A page\n---\n" if self.random.random() < 0.3 else ""
        imports = "import Tabs from '@theme/Tabs';\n\n" if self.mdx and self.random.random() < 0.5 else ""
        return f"{head}{imports}{self.blocks(0)}\n"

    def blocks(self, depth: int) -> str:
        """Several blocks, a blank line between them."""
        makers = [self.prose, self.heading, self.code, self.table, self.rule, self.comment, self.math]
        if depth < 3:
            makers += [self.items, self.quote, self.note, self.definition, self.footnote, self.tight_items]
            makers += [self.element, self.tabs, self.details] if self.mdx else [self.html]
            makers += [self.mkdocs] if not self.mdx else []
        made: list[str] = []
        for _ in range(self.random.randint(1, 5)):
            make = self.random.choice(makers)
            made.append(make(depth) if make in self._containers() else make())
        return "\n\n".join(made)

    def _containers(self) -> tuple[object, ...]:
        return (self.items, self.quote, self.note, self.element, self.tabs, self.details, self.mkdocs)

    def heading(self) -> str:
        return f"{'#' * self.random.randint(1, 6)} {self.word()} {self.word()}" + self.random.choice(["", " {#an-id}", " ##"])

    def code(self) -> str:
        mark = self.random.choice(["```", "~~~", "````"])
        lines = [self.random.choice(["{}", "    {}", "# {}", "<A {}>", "import {}", ":::{}", "| {} |"]) for _ in range(3)]
        return f"{mark}py title=x\n" + "\n".join(line.format(self.word()) for line in lines) + f"\n\n{self.word()}\n{mark}"

    def table(self) -> str:
        rows = [f"| {self.word()} | `{self.word()}` |" for _ in range(self.random.randint(1, 6))]
        return f"| {self.word()} | b |\n|---|:-:|\n" + "\n".join(rows)

    def rule(self) -> str:
        return "***"

    def comment(self) -> str:
        return self.random.choice(["<!-- not seen\n# at all -->", "{/* not seen */}"])

    def math(self) -> str:
        return f"$$\nx_{{{self.word()}}} = {self.word()}\n$$"

    def items(self, depth: int) -> str:
        marks = self.random.choice([("- ", "- "), ("* ", "* "), ("1. ", "2. ")])
        return "\n\n".join(mark + _indented(self.blocks(depth + 1), len(mark)) for mark in marks)

    def tight_items(self) -> str:
        return "\n".join(f"- {self.random.choice(['', '[x] '])}{self.word()} *{self.word()}*" for _ in range(4))

    def quote(self, depth: int) -> str:
        alert = self.random.choice(["", "> [!TIP]\n"])
        return alert + "\n".join(f"> {line}".rstrip() for line in self.blocks(depth + 1).split("\n"))

    def note(self, depth: int) -> str:
        colons = ":" * (7 - depth)
        return f"{colons}note[{self.word()}]\n\n{self.blocks(depth + 1)}\n\n{colons}"

    def mkdocs(self, depth: int) -> str:
        return f'!!! note "{self.word()}"\n\n    ' + _indented(self.blocks(depth + 1), 4)

    def definition(self) -> str:
        return f"{self.word()}\n: {self.word()}\n: {self.word()}\n\n{self.word()}\n\n:   {self.word()}"

    def footnote(self) -> str:
        self.notes += 1
        return f"{self.word()}[^{self.notes}]\n\n[^{self.notes}]: {self.word()}"

    def html(self) -> str:
        return f'<div align="center">\n<b>{self.word()}</b> {self.word()}\n</div>'

    def element(self, depth: int) -> str:
        style = self.random.choice(["", " a={{b: 'c > d'}}", "\n  a='x'\n  b\n"])
        return f"<Card{style}>\n\n{self.blocks(depth + 1)}\n\n</Card>"

    def tabs(self, depth: int) -> str:
        return (
            f'<Tabs>\n  <TabItem value="a" label="{self.word()}">\n\n{self.blocks(depth + 1)}\n\n'
            f"  </TabItem>\n  <TabItem value='b'>{self.word()}</TabItem>\n</Tabs>"
        )

    def details(self, depth: int) -> str:
        return f"<details>\n<summary>{self.word()}</summary>\n\n{self.blocks(depth + 1)}\n\n</details>"


def _indented(text: str, columns: int) -> str:
    return text.replace("\n", "\n" + " " * columns).replace("\n" + " " * columns + "\n", "\n\n")


@pytest.mark.parametrize("path", ["page.md", "page.mdx"])
@settings(max_examples=FUZZ or 100, deadline=None, derandomize=not FUZZ, database=None)
@given(seed=st.integers(0, 2**32), limits=st.sampled_from(LIMITS))
def test_every_word_that_a_reader_sees_is_shown_and_indexed(path: str, seed: int, limits: ChunkLimits) -> None:
    author = Author(Random(seed), mdx=path.endswith("x"))
    text = author.page()
    page = parse(SourceFile(path, text))
    chunks = split(page, limits=limits, count=count, collection="book")
    check_chunks(page, chunks, limits, count)
    shown, indexed = " ".join(chunk.text for chunk in chunks), " ".join(chunk.content for chunk in chunks)
    assert [word for word in author.words if word not in shown] == []
    assert [word for word in author.words if word not in indexed] == []
    assert page.problems == ()


@pytest.mark.parametrize("path", ["page.md", "page.mdx"])
@settings(max_examples=FUZZ or 300, deadline=None, derandomize=not FUZZ, database=None)
@given(scraps=st.lists(st.sampled_from(SCRAPS), max_size=60), limits=st.sampled_from(LIMITS))
def test_scraps_of_markup_in_any_order_are_read_and_split(path: str, scraps: list[str], limits: ChunkLimits) -> None:
    page = parse(SourceFile(path, "".join(scraps)))
    chunks = split(page, limits=limits, count=count, collection="book")
    check_chunks(page, chunks, limits, count)
    blocks = [block for block in page.blocks if block.text]
    assert all(0 <= block.start < block.end <= len(page.text) for block in blocks)
    covered = [any(chunk.start < block.end and block.start < chunk.end for chunk in chunks) for block in blocks]
    assert all(covered)
    assert re.sub(r"\s", "", page.text) != "" or chunks == []

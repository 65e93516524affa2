"""The names of the place a passage stands in."""

from __future__ import annotations

import pytest

from server.answering.events import CitedSource, cite
from server.finding.passages import BEGINNING_CHARS, Passage, beginning, place, safe_link
from tests.support.fakes import make_chunk


def passage(*path: str) -> Passage:
    chunk = make_chunk()
    return Passage(n=3, chunk=chunk, score=0.123456, url="/docs/x#joints", heading_path=path)


def test_the_place_begins_with_the_pages_title_once() -> None:
    assert place(passage("Robots", "Joints")) == ("Robots", "Joints")
    assert place(passage("ROBOTS", "Joints")) == ("ROBOTS", "Joints")
    assert place(passage("Joints", "Hinges")) == ("Robots", "Joints", "Hinges")
    assert place(passage()) == ("Robots",)


def test_a_source_names_the_chapter_and_the_section_of_the_heading_cited() -> None:
    assert cite(passage("Robots", "Joints", "Hinges")) == CitedSource(
        n=3, title="Robots", chapter="Robots", section="Hinges", url="/docs/x#joints", score=0.1235
    )
    assert cite(passage()).section == "Robots"


def test_beside_a_citation_stands_how_its_section_begins_without_the_heading() -> None:
    chunk = make_chunk("## Joints\n\nThey *turn*.\n\nSome slide.", heading="Joints")
    cited = Passage(n=1, chunk=chunk, score=1.0, url=chunk.url, heading_path=chunk.sections[0].heading_path)
    assert "They" in beginning(cited)
    assert not beginning(cited).startswith("Joints")
    assert beginning(cited.model_copy(update={"heading_path": ("Elsewhere",)})) == ""


def test_a_long_section_is_cut_between_words() -> None:
    chunk = make_chunk("word " * 100)
    text = beginning(Passage(n=1, chunk=chunk, score=1.0, url=chunk.url, heading_path=chunk.sections[0].heading_path))
    assert text.endswith("word…")
    assert BEGINNING_CHARS - 6 < len(text) <= BEGINNING_CHARS + 1


@pytest.mark.parametrize(
    "url", ["https://robots.example/docs/arms#ik", "http://127.0.0.1/x", "/docs/arms#ik", "/", "HTTPS://x"]
)
def test_a_citation_opens_a_page_of_the_web_or_of_this_site(url: str) -> None:
    assert safe_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>", "vbscript:x",
        "file:///etc/passwd", "blob:https://x", "about:blank", "ftp://x",
        "//evil.example/x", "/\\evil.example", "\\\\evil.example", "https:evil.example",
        "http:/evil.example", "mailto:a@b", "tel:1",
        "intent://x", "view-source:https://x", "ws://x", "#x", "?x", "evil.example", "", "&#106;avascript:alert(1)",
    ],
)  # fmt: skip
def test_a_citation_opens_nothing_else(url: str) -> None:
    assert safe_link(url) == ""

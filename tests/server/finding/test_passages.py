"""The names of the place a passage stands in."""

from __future__ import annotations

from server.answering.events import CitedSource, cite
from server.finding.passages import BEGINNING_CHARS, Passage, beginning, place
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

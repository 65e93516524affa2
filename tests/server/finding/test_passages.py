"""The names of the place a passage stands in."""

from __future__ import annotations

from server.answering.events import CitedSource, cite
from server.finding.passages import Passage, place
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

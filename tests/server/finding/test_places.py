"""Chunks parted at their headings, and put together again."""

from __future__ import annotations

from server.finding.places import as_chunk, cut
from shared.content import body, tags, text_of
from tests.support.small_book import count, read

PAGE = """# Arms

Arms have joints.

## Elbow

The elbow bends.

## Wrist

### Roll

The wrist rolls.
"""


def test_small_sections_share_a_chunk_and_part_at_their_headings() -> None:
    (chunk,) = read({"arms.md": PAGE})
    places = cut(chunk)
    assert [place.section.heading_path[-1] for place in places] == ["Arms", "Elbow", "Roll"]
    assert [place.body.splitlines()[0] for place in places] == ["Arms have joints.", "Elbow", "Wrist"]


def test_the_places_of_a_chunk_are_the_chunk() -> None:
    (chunk,) = read({"arms.md": PAGE})
    places = cut(chunk)
    assert "".join(PAGE[place.start : place.end] for place in places) == chunk.text


def test_tags_stand_above_the_first_chunk_and_in_no_place() -> None:
    chunks = read({"arms.md": "---\ntags: [actuators]\n---\n" + PAGE * 20})
    assert [tags(chunk) for chunk in chunks] == ["actuators", *[""] * (len(chunks) - 1)]
    assert len(chunks) > 1
    assert all("actuators" not in place.body for chunk in chunks for place in cut(chunk))
    assert "actuators" not in as_chunk(cut(chunks[0]), chunks[0].sections[0], count).content


def test_a_heading_without_text_belongs_to_the_section_below_it() -> None:
    (chunk,) = read({"arms.md": PAGE})
    *_, last = cut(chunk)
    assert [section.heading_path[-1] for section in last.sections] == ["Wrist", "Roll"]


def test_a_chunk_cut_down_to_a_place_is_a_range_of_the_file_under_its_heading() -> None:
    (chunk,) = read({"arms.md": PAGE})
    elbow = as_chunk([cut(chunk)[1]], cut(chunk)[1].section, count)
    assert elbow.text == PAGE[elbow.start : elbow.end] == "## Elbow\n\nThe elbow bends."
    assert (elbow.start_line, elbow.end_line) == (5, 7)
    assert elbow.url == "https://robots.example/book/docs/arms#elbow"
    assert elbow.heading_path == ("Arms", "Elbow")
    assert elbow.content == "Arms > Elbow\n\nElbow\n\nThe elbow bends."
    assert elbow.tokens == count(elbow.text)


def test_joined_chunks_are_one_range() -> None:
    page = "# Legs\n\n" + "\n\n".join(
        f"Leg number {n} walks over the long and winding road {n} times a day." for n in range(60)
    )
    chunks = read({"legs.md": page})
    assert len(chunks) > 2
    joined = as_chunk([place for chunk in chunks[:2] for place in cut(chunk)], chunks[1].sections[0], count)
    assert joined.text == page[joined.start : joined.end]
    assert (joined.start, joined.end) == (chunks[0].start, chunks[1].end)
    assert (joined.start_line, joined.end_line) == (chunks[0].start_line, chunks[1].end_line)
    assert joined.id == chunks[0].id


def test_every_block_of_joined_places_keeps_what_it_says() -> None:
    page = "# Legs\n\n" + "\n\n".join(f"Leg {n} walks.\n\n```sh\nwalk {n}\n```\n\n- slowly\n- far" for n in range(40))
    chunks = read({"legs.md": page})
    joined = as_chunk([place for chunk in chunks[:3] for place in cut(chunk)], chunks[1].sections[0], count)
    before = [text_of(chunk, block) for chunk in chunks[:3] for section in chunk.sections for block in section.blocks]
    assert [text_of(joined, block) for section in joined.sections for block in section.blocks] == before
    assert len(joined.sections) == 1
    assert body(joined) == "\n\n".join(body(chunk) for chunk in chunks[:3])


def test_a_heading_alone_is_bare() -> None:
    (chunk,) = read({"arms.md": "# Arms\n\n## Elbow\n"})
    assert [place.is_bare for place in cut(chunk)] == [True]

"""Where the text stands that a reader selected."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.finding.selected_text import enclose, find_selection
from tests.support.small_book import WORDS, open_book

ARM = """---
title: Arms
---

# Arms

An **arm** is a chain of [links](../links.md) and `joints`. Each joint has one _degree of freedom_.

## Elbow

:::tip[Remember]
The elbow bends in *one* direction only.
:::

```python
def bend(elbow):
    return elbow.angle + 1
```

| Part  | Mass |
|-------|------|
| upper | 2 kg |
| lower | 1 kg |

## Wrist

Switch the motor off before you touch it.
"""
LEG = "# Legs\n\nSwitch the motor off before you touch it.\n\nLegs carry the robot.\n"
WALK = "# Walking\n\n" + "\n\n".join(
    f"Step {n} of the walk puts foot number {n * 7} in front of the other, shifts the weight by {n * 3} grams and waits {n} ms."
    for n in range(60)
)
PAGES = {"arm.md": ARM, "leg.md": LEG, "walk.md": WALK}


@pytest.mark.parametrize(
    "selected",
    [
        "An arm is a chain of links and joints. Each joint has one degree of freedom.",
        "  an ARM is\n a chain of   links ",
        "Remember\nThe elbow bends in one direction only.",
        "def bend(elbow): return elbow.angle + 1",
        "Part\tMass\nupper\t2 kg\nlower\t1 kg",
        "An arm is a chain of links and joints. [citation needed] Each joint has one degree",
    ],
)
async def test_rendered_text_is_found_in_its_markdown(tmp_path: Path, selected: str) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        found = await find_selection(snapshot, WORDS, selected)
    assert [chunk.path for chunk in found] == ["arm.md"]


@pytest.mark.parametrize("selected", ["Sourdough bread rises overnight in a warm place.", "the", "", "!?"])
async def test_what_the_book_does_not_hold_is_not_found(tmp_path: Path, selected: str) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        assert await find_selection(snapshot, WORDS, selected) == []


async def test_two_letters_are_found_where_they_stand(tmp_path: Path) -> None:
    async with (
        open_book(tmp_path, {"a.md": "# A\n\nThe UR arm.\n", "b.md": "# B\n\nA leg.\n"}) as index,
        index.snapshot() as snapshot,
    ):
        assert [chunk.path for chunk in await find_selection(snapshot, WORDS, "UR")] == ["a.md"]


@pytest.mark.parametrize(
    ("page", "path"),
    [("https://robots.example/book/docs/leg?x=1#top", "leg.md"), ("http://127.0.0.1:3000/book/docs/arm/", "arm.md")],
)
async def test_a_sentence_on_two_pages_is_found_on_the_one_it_was_read_on(tmp_path: Path, page: str, path: str) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        found = await find_selection(snapshot, WORDS, "Switch the motor off before you touch it.", page=page)
    assert [chunk.path for chunk in found] == [path]


async def test_what_surrounds_it_tells_equal_sentences_apart(tmp_path: Path) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        found = await find_selection(
            snapshot, WORDS, "Switch the motor off", around="before you touch it. Legs carry the robot."
        )
    assert [chunk.path for chunk in found] == ["leg.md"]


async def test_a_selection_over_several_chunks_is_found_whole(tmp_path: Path) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        chunks = await snapshot.page("walk.md")
        selected = chunks[2].text[-300:] + chunks[3].text + chunks[4].text[:300]
        found = await find_selection(snapshot, WORDS, selected)
    assert [chunk.position for chunk in found] == [2, 3, 4]


async def test_its_section_and_neighbours_come_with_it(tmp_path: Path) -> None:
    async with open_book(tmp_path, PAGES) as index, index.snapshot() as snapshot:
        chunks = await snapshot.page("walk.md")
        places, section = await enclose(snapshot, chunks[3:4], chunks[3].text)
        page = await snapshot.page("arm.md")
        _, elbow = await enclose(snapshot, page, "The elbow bends in one direction only.")
    positions = [place.chunk.position for place in places]
    assert {2, 3, 4} < set(positions)
    assert positions == sorted(positions)
    assert sum(place.tokens for place in places) <= 1500
    assert section.heading_path == ("Walking",)
    assert elbow.heading_path == ("Arms", "Elbow")

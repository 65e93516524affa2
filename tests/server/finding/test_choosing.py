"""Which places are shown, and how much of the page with them."""

from __future__ import annotations

from server.finding.choosing import COMPLETE_TOKENS, NEIGHBOURS, Ranked, choose, complete, extend
from server.finding.places import Place, cut
from tests.support.small_book import read

LINE = "The {} of the robot number {} is described here in a sentence that nobody else says."


def section(name: str, sentences: int) -> str:
    return f"## {name}\n\n" + "\n\n".join(LINE.format(name.lower(), n) for n in range(sentences)) + "\n\n"


def places_of(*pages: str) -> list[Place]:
    return [place for chunk in read({f"{n}.md": text for n, text in enumerate(pages)}) for place in cut(chunk)]


def rank(places: list[Place], *scores: float) -> list[Ranked]:
    return [Ranked(place, score) for place, score in zip(places, scores, strict=True)]


def names(chosen: list[Ranked]) -> list[str]:
    return [one.place.section.heading_path[-1] for one in chosen]


def test_a_slightly_worse_place_of_another_section_comes_before_more_of_the_same() -> None:
    arm, *_ = places = places_of("# Robot\n\n" + section("Arm", 30) + section("Leg", 8))
    arms = [place for place in places if place.section.heading_path[-1] == "Arm"]
    leg = next(place for place in places if place.section.heading_path[-1] == "Leg")
    assert len(arms) >= 2
    chosen = list(choose(rank([*arms[:2], leg], 0.9, 0.89, 0.87), limit=3))
    assert names(chosen) == ["Arm", "Leg", "Arm"]
    assert chosen[0].place == arm


def test_a_much_worse_place_does_not() -> None:
    places = places_of("# Robot\n\n" + section("Arm", 30) + section("Leg", 8))
    arms = [place for place in places if place.section.heading_path[-1] == "Arm"]
    leg = next(place for place in places if place.section.heading_path[-1] == "Leg")
    assert names(list(choose(rank([*arms[:2], leg], 0.9, 0.89, 0.4), limit=3))) == ["Arm", "Arm", "Leg"]


def test_a_note_repeated_on_every_page_is_shown_once() -> None:
    note = "## Safety\n\nSwitch the robot off before you touch any of its joints, and wait for the lamp.\n\n"
    places = places_of(
        f"# Arm\n\n{note}", f"# Leg\n\n{note}", "# Eye\n\n## Lens\n\nWipe the lens with a dry cloth once in a month.\n"
    )
    safety = [place for place in places if place.section.heading_path[-1] == "Safety"]
    lens = next(place for place in places if place.section.heading_path[-1] == "Lens")
    assert len(safety) == 2
    assert names(list(choose(rank([*safety, lens], 0.9, 0.9, 0.1), limit=3))) == ["Safety", "Lens"]


def test_nothing_ranked_is_nothing_chosen() -> None:
    assert list(choose([], limit=5)) == []


def test_a_short_section_in_two_chunks_is_shown_whole() -> None:
    chunks = read({"robot.md": "# Robot\n\n" + section("Arm", 16) + section("Leg", 16)})
    arm = [place for chunk in chunks for place in cut(chunk) if place.section.heading_path[-1] == "Arm"]
    assert len(arm) >= 2
    assert complete(arm[-1], chunks[: NEIGHBOURS + 1]) == arm


def test_a_long_section_is_not() -> None:
    chunks = read({"robot.md": "# Robot\n\n" + section("Arm", 60)})
    (place, *_) = cut(chunks[1])
    assert complete(place, chunks[: NEIGHBOURS + 2]) == [place]


def test_of_a_long_section_an_answer_is_given_what_goes_on_from_the_place() -> None:
    chunks = read({"robot.md": "# Robot\n\n" + section("Arm", 60)})
    places = [place for chunk in chunks for place in cut(chunk)]
    at = len(places) // 2
    extended = extend(places[at], chunks)
    start = places.index(extended[0])
    assert extended == places[start : start + len(extended)]
    assert places[at] in extended
    assert 1 < len(extended) < len(places)
    assert sum(place.tokens for place in extended) <= COMPLETE_TOKENS


def test_a_section_whose_end_is_out_of_sight_is_not() -> None:
    chunks = read({"robot.md": "# Robot\n\n" + section("Arm", 16)})
    (place, *_) = cut(chunks[0])
    sight = [chunks[0].model_copy(update={"position": 7, "tokens": 1}), chunks[0].model_copy(update={"id": "x", "position": 8})]
    assert [one.chunk for one in complete(place, sight)] == sight[:1]

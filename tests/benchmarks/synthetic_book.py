"""A book of any size, the same every time: prose with inline markup, lists, fences, tables, admonitions, headings."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from random import Random

VOCABULARY = (
    "the robot arm joint angle inverse kinematics torque sensor fusion estimates state of a moving body with noise and delay "
    "while control loops run at high rate for safety we must measure before deciding which gain holds on hardware"
)
WORDS = VOCABULARY.split()
MARKUP = ("**%s**", "*%s*", "`%s`", "[%s](https://example.org/page)")
CHAPTER_CHARS = 60_000
MEDIAN_PAGE_CHARS = 3_000
PAGE_SPREAD = 0.9
"""Of the logarithm."""


def synthetic_book(chars: int) -> list[str]:
    """Chapters of about 60,000 characters, `chars` or a little more together."""
    random = Random(7)
    chapters: list[str] = []
    while sum(map(len, chapters)) < chars:
        chapters.append("\n".join(_chapter(random, len(chapters))))
    return chapters


def synthetic_pages(count: int) -> Iterator[tuple[str, str]]:
    """Paths and texts of so many pages in folders of 40, of sizes as documentation has them: half under 3 kB, a twentieth over
    12 kB."""
    random = Random(14)
    for number in range(count):
        wanted = min(max(random.lognormvariate(log(MEDIAN_PAGE_CHARS), PAGE_SPREAD), 200), 100_000)
        blocks = [f"---\ntitle: Page {number}\n---\n\n# Page {number}\n"]
        size = 0
        while size < wanted:
            blocks.append(_block(random))
            size += len(blocks[-1]) + 1
        yield f"part-{number // 40}/page-{number}.md", "\n".join(blocks)


def _chapter(random: Random, number: int) -> Iterator[str]:
    head = f"---\ntitle: Chapter {number}\nsidebar_position: {number}\n---\n\n# Chapter {number}\n"
    yield head
    size = len(head)
    while size < CHAPTER_CHARS:
        block = _block(random)
        size += len(block) + 1
        yield block


def _sentence(random: Random) -> str:
    words = random.choices(WORDS, k=random.randint(6, 18))
    if random.random() < 0.25:
        place = random.randrange(len(words))
        words[place] = random.choice(MARKUP) % words[place]
    return " ".join(words).capitalize() + "."


def _paragraph(random: Random) -> str:
    return " ".join(_sentence(random) for _ in range(random.randint(2, 6)))


def _code(random: Random) -> str:
    lines = [
        f"{'    ' * random.randint(0, 3)}{random.choice(WORDS)} = {random.choice(WORDS)}({random.choice(WORDS)})"
        if random.random() < 0.85
        else random.choice(["", "", "# a comment, not a heading"])
        for _ in range(random.randint(4, 40))
    ]
    return "```python\n" + "\n".join(lines) + "\n```"


def _table(random: Random) -> str:
    rows = [
        f"| {random.choice(WORDS)} | {random.randint(1, 99)} | {_sentence(random)[:20]} |" for _ in range(random.randint(3, 15))
    ]
    return "| a | b | c |\n|---|---|---|\n" + "\n".join(rows)


def _block(random: Random) -> str:
    draw = random.random()
    if draw < 0.12:
        return f"{'#' * random.choice([2, 2, 3, 3, 3, 4])} {' '.join(random.choices(WORDS, k=5)).capitalize()}\n"
    if draw < 0.65:
        return _paragraph(random) + "\n"
    if draw < 0.77:
        return "\n".join(f"- {_sentence(random)}" for _ in range(random.randint(3, 8))) + "\n"
    if draw < 0.90:
        return _code(random) + "\n"
    if draw < 0.95:
        return _table(random) + "\n"
    return f":::note[{random.choice(WORDS)}]\n\n{_paragraph(random)}\n\n:::\n"

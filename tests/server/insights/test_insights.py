from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from server.conversations.questions_asked import AskedQuestion, BookSection
from server.insights.insights import Gap, PageUse, Repeated, sum_up
from server.insights.renderings import as_csv, as_html, as_markdown

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def section(name: str = "Joints", *, page: str = "intro") -> BookSection:
    return BookSection(title="Robots", section=name, url=f"https://robots.example/{page}#{name.lower()}")


def asked(question: str = "What moves?", *, hours: int = 0, **changed: Any) -> AskedQuestion:
    given: dict[str, Any] = {"abstained": False, "answerable": True, "cited": (section(),), "nearest": section()}
    return AskedQuestion(**(given | {"question": question, "created_at": NOON + timedelta(hours=hours)} | changed))


UNANSWERED: dict[str, Any] = {"abstained": True, "answerable": False, "cited": ()}


def test_what_was_not_answered_or_weakly_stands_under_the_section_the_book_has_nearest() -> None:
    insights = sum_up([
        asked("What flies?", hours=30, nearest=section("Wings"), **UNANSWERED),
        asked("what flies", hours=31, nearest=section("Wings"), **UNANSWERED),
        asked("Who built it?", nearest=None, **UNANSWERED),
        asked("How fast?", cited=(), nearest=section("Wings")),
        asked("How slow?", answerable=False),
        asked("How loud?", rating="down"),
        asked("What moves?", rating="up"),
    ])  # fmt: skip
    assert (insights.asked, insights.unanswered, insights.weak) == (7, 3, 3)
    assert insights.gaps[0] == Gap(
        section=section("Wings"),
        times=3,
        questions=(
            Repeated(question="what flies", times=2, unanswered=2, last_asked=NOON + timedelta(hours=31)),
            Repeated(question="How fast?", times=1, unanswered=0, last_asked=NOON),
        ),
    )
    assert [(gap.section and gap.section.section, gap.times) for gap in insights.gaps] == [
        ("Wings", 3),
        ("Joints", 2),
        (None, 1),
    ]
    assert [(day.day.day, day.asked, day.unanswered, day.weak) for day in insights.days] == [(1, 5, 1, 3), (2, 2, 2, 0)]


def test_thumbs_are_counted_by_the_section_an_answer_cites_and_citations_by_page() -> None:
    both = (section(), section("Arms"), section("Legs", page="legs"))
    insights = sum_up([
        asked(rating="down"), asked(rating="up", cited=both), asked(cited=both), asked(rating="up", cited=(section("Arms"),)),
    ])  # fmt: skip
    assert [(use.section.section, use.down, use.up, use.cited) for use in insights.sections] == [
        ("Joints", 1, 1, 3), ("Arms", 0, 2, 3), ("Legs", 0, 1, 2),
    ]  # fmt: skip
    assert insights.pages == (
        PageUse(title="Robots", url="https://robots.example/intro", cited=4),
        PageUse(title="Robots", url="https://robots.example/legs", cited=2),
    )


def test_of_nothing_there_is_nothing_to_say_in_any_form() -> None:
    nothing = sum_up([])
    assert (nothing.asked, nothing.gaps, nothing.days, nothing.pages) == (0, (), (), ())
    assert "0 questions" in as_markdown(nothing)
    assert len(as_csv(nothing).splitlines()) == 1
    assert "None yet" in as_html(nothing)


HOSTILE = '=HYPERLINK("x") <script>alert(1)</script> [click](javascript:alert(1))\n# heading | `x`'


@pytest.fixture
def hostile() -> Any:
    bad = BookSection(title="<b>Robots</b>", section="[x](y)", url="javascript:alert(1)")
    return sum_up([asked(HOSTILE, nearest=bad, **UNANSWERED), asked(rating="down", cited=(bad,))])


def test_what_readers_wrote_is_only_text_on_the_page(hostile: Any) -> None:
    page = as_html(hostile)
    assert "<script" not in page
    assert "<b>" not in page
    addresses = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert [one for one in addresses if not one.startswith(("https://", "/", "search/why?q="))] == []
    assert "javascript" not in re.sub(r">[^<]*<|search/why\?q=[^\"]*", "><", page)
    ET.fromstring(re.sub(r"<meta[^>]*>", "", page.replace("<!doctype html>\n", "")))


def test_what_readers_wrote_is_only_text_in_markdown(hostile: Any) -> None:
    text = as_markdown(hostile)
    assert re.findall(r"(?<!\\)[<`|](?!---)", re.sub(r"(?m)^\|.*\|$", "", text)) == []
    assert "](javascript" not in text.replace(r"\]", "")
    assert all(line.startswith(("# ", "## ", "- ", "|", "From ")) or not line for line in text.splitlines())


def test_no_cell_of_the_csv_is_a_formula(hostile: Any) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(hostile))))
    assert {row[0] for row in rows} == {"what", "gap", "section", "page"}
    assert len({len(row) for row in rows}) == 1
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))] == []
    assert f"'{HOSTILE}" in {row[3] for row in rows}


def test_the_bars_of_a_day_are_as_high_together_as_its_questions() -> None:
    days = [asked(hours=24 * day) for day in (0, 0, 0, 0, 2)] + [asked(hours=48, **UNANSWERED)]
    page = as_html(sum_up(days))
    bars = re.findall(r'<rect class="(\w+)" x="(\d+)" y="([\d.]+)" width="7" height="([\d.]+)">', page)
    assert [(kind, int(x), float(height)) for kind, x, _, height in bars if float(height)] == [
        ("asked", 0, 120.0), ("unanswered", 16, 30.0), ("asked", 16, 30.0),
    ]  # fmt: skip
    assert all(0 <= float(y) <= 120 - float(height) + 0.1 for _, _, y, height in bars)

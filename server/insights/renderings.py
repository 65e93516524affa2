"""Insights as Markdown, as CSV, and as a page with plots. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Literal
from urllib.parse import quote

from server.conversations.questions_asked import BookSection
from server.finding.passages import safe_link
from server.insights.document import anchored, document, share_bar, tabled
from server.insights.insights import Day, Gap, Insights

Format = Literal["markdown", "csv", "html"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""
_NOTHING = "Nothing like it"
_BAR_PX, _PLOT_PX = 8, 120


def as_markdown(insights: Insights) -> str:
    """For an issue or a mail."""
    lines = ["# What your book is missing", "", _summary(insights), ""]
    for gap in insights.gaps:
        lines += [f"## {_linked(gap.section)} ({gap.times})", ""]
        lines += [f"- {_plain(one.question)}{_times(one.times, one.unanswered)}" for one in gap.questions]
        lines += [""]
    if insights.sections:
        lines += ["# Rated answers, by section", "", "| Section | Down | Up | Cited |", "|---|---:|---:|---:|"]
        lines += [f"| {_linked(use.section)} | {use.down} | {use.up} | {use.cited} |" for use in insights.sections]
        lines += [""]
    if insights.pages:
        lines += ["# Most cited pages", "", "| Page | Answers |", "|---|---:|"]
        lines += [f"| {_link(page.title, page.url)} | {page.cited} |" for page in insights.pages]
        lines += [""]
    return "\n".join(lines)


def as_csv(insights: Insights) -> str:
    """One row for each question of a gap, each rated section and each page; `what` says which."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("what", "section", "url", "question", "times", "unanswered", "last_asked", "cited", "up", "down"))
    for gap in insights.gaps:
        name, url = (_name(gap.section), gap.section.url) if gap.section else ("", "")
        for one in gap.questions:
            row = ("gap", name, url, one.question, one.times, one.unanswered, one.last_asked.isoformat(), "", "", "")
            writer.writerow(map(_cell, row))
    for use in insights.sections:
        row = ("section", _name(use.section), use.section.url, "", "", "", "", use.cited, use.up, use.down)
        writer.writerow(map(_cell, row))
    for page in insights.pages:
        writer.writerow(map(_cell, ("page", page.title, page.url, "", "", "", "", page.cited, "", "")))
    return out.getvalue()


def as_html(insights: Insights) -> str:
    """A page that loads nothing and runs nothing."""
    gaps = "".join(_gap(gap) for gap in insights.gaps)
    sections = tabled(
        ("Section", "Down", "Up", "Cited"),
        ((anchored(_name(use.section), use.section.url), use.down, use.up, use.cited) for use in insights.sections),
    )
    most = max((page.cited for page in insights.pages), default=1)
    pages = tabled(
        ("Page", "", "Answers"),
        ((anchored(page.title, page.url), share_bar(page.cited / most), page.cited) for page in insights.pages),
    )
    return document(
        "What your book is missing",
        f"<p>{escape(_summary(insights))}</p>\n{_plot(insights.days)}\n{gaps}\n"
        f"<h2>Rated answers, by section</h2>\n{sections}\n<h2>Most cited pages</h2>\n{pages}",
    )


def _summary(insights: Insights) -> str:
    days = insights.days
    when = f"From {days[0].day} to {days[-1].day}" if days else "In this time"
    return (
        f"{when}: {insights.asked} questions, {insights.unanswered} the book does not answer, "
        f"{insights.weak} answered weakly (without a citation, against the search's judgement, or rated down)."
    )


def _name(section: BookSection | None) -> str:
    if section is None:
        return _NOTHING
    return section.title if section.section == section.title else f"{section.title} › {section.section}"


def _times(times: int, unanswered: int) -> str:
    told = f"{unanswered} unanswered" if unanswered else "answered weakly"
    return f" ({times} times, {told})" if times > 1 else f" ({'unanswered' if unanswered else told})"


def _plain(text: str) -> str:
    """On one line, unable to become a link, an image or a tag of the report."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>!|#" else sign for sign in " ".join(text.split()))


def _link(name: str, url: str) -> str:
    address = safe_link(url).replace(")", "%29").replace(" ", "%20")
    return f"[{_plain(name)}]({address})" if address else _plain(name)


def _linked(section: BookSection | None) -> str:
    return _link(_name(section), section.url if section else "")


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _gap(gap: Gap) -> str:
    name = anchored(_name(gap.section), gap.section.url if gap.section else "")
    rows = ((_searched(one.question), one.times, one.unanswered, f"{one.last_asked:%Y-%m-%d}") for one in gap.questions)
    return f"<h2>{name} ({gap.times})</h2>\n{tabled(('Question', 'Asked', 'Unanswered', 'Last'), rows)}\n"


def _searched(question: str) -> str:
    """The question, as a link to how the book is searched for it now."""
    return f'<a href="search/why?q={escape(quote(question))}">{escape(question)}</a>'


def _plot(days: Sequence[Day]) -> str:
    """A bar a day, from the first with questions to the last: unanswered at the foot, weakly answered, answered."""
    if not days:
        return ""
    most = max(day.asked for day in days)
    first = days[0].day
    bars: list[str] = []
    for day in days:
        foot, left = float(_PLOT_PX), (day.day - first).days * _BAR_PX
        parts = (("unanswered", day.unanswered), ("weak", day.weak), ("asked", day.asked - day.unanswered - day.weak))
        for kind, count in parts:
            height = _PLOT_PX * count / most
            foot -= height
            bars.append(
                f'<rect class="{kind}" x="{left}" y="{foot:.1f}" width="{_BAR_PX - 1}" height="{height:.1f}">'
                f"<title>{day.day}: {count}</title></rect>"
            )
    width = ((days[-1].day - first).days + 1) * _BAR_PX
    return (
        f'<svg viewBox="0 0 {width} {_PLOT_PX}" width="{width}" height="{_PLOT_PX}" role="img" '
        f'aria-label="Questions a day">{"".join(bars)}</svg>\n'
        f'<p class="key">Questions a day, {most} at most: unanswered at the foot, answered weakly above, answered on top.</p>'
    )

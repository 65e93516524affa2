"""Insights as Markdown, as CSV, and as a page with plots. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from server.conversations.questions_asked import BookSection
from server.finding.passages import safe_link
from server.insights.insights import Day, Gap, Insights

Format = Literal["markdown", "csv", "html"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""
_NOTHING = "Nothing like it"
_BAR_PX, _PLOT_PX = 8, 120
_STYLE = """
  :root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfaf7; --soft: #eceae3; --accent: #315c8c; --faint: #5d6572;
          --bad: #b4432f; --weak: #c98f2b; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e6e4de; --paper: #171a1f; --soft: #252a32; --accent: #8db8e8; --faint: #a3abb8; --bad: #e58a78;
            --weak: #e0b862; } }
  body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem; background: var(--paper); color: var(--ink);
         font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
  a { color: var(--accent); }
  table { border-collapse: collapse; width: 100%; }
  td, th { border-bottom: 1px solid var(--soft); padding: .25rem .6rem; text-align: left; vertical-align: top; }
  td:not(:first-child), th:not(:first-child) { text-align: right; }
  svg { max-width: 100%; height: auto; }
  .asked { fill: var(--accent); } .unanswered { fill: var(--bad); } .weak { fill: var(--weak); }
  .key { color: var(--faint); font-size: .875rem; }
"""


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
    sections = _table(
        ("Section", "Down", "Up", "Cited"),
        ((_anchor(_name(use.section), use.section.url), use.down, use.up, use.cited) for use in insights.sections),
    )
    most = max((page.cited for page in insights.pages), default=1)
    pages = _table(
        ("Page", "", "Answers"),
        ((_anchor(page.title, page.url), _bar(page.cited / most), page.cited) for page in insights.pages),
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>What your book is missing</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        f"<h1>What your book is missing</h1>\n<p>{escape(_summary(insights))}</p>\n{_plot(insights.days)}\n{gaps}\n"
        f"<h2>Rated answers, by section</h2>\n{sections}\n<h2>Most cited pages</h2>\n{pages}\n</body>\n</html>\n"
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


def _anchor(name: str, url: str) -> str:
    return f'<a href="{escape(link)}">{escape(name)}</a>' if (link := safe_link(url)) else escape(name)


def _gap(gap: Gap) -> str:
    name = _anchor(_name(gap.section), gap.section.url if gap.section else "")
    rows = ((escape(one.question), one.times, one.unanswered, f"{one.last_asked:%Y-%m-%d}") for one in gap.questions)
    return f"<h2>{name} ({gap.times})</h2>\n{_table(('Question', 'Asked', 'Unanswered', 'Last'), rows)}\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; the cells of its rows are HTML already."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    names = "".join(f"<th>{name}</th>" for name in head)
    return f"<table>\n<tr>{names}</tr>\n{body}</table>" if body else "<p>None yet.</p>"


def _bar(share: float) -> str:
    width = max(1, round(100 * share))
    return f'<svg width="100" height="10" aria-hidden="true"><rect class="asked" width="{width}" height="10"></rect></svg>'


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

"""What readers asked and what became of it, summed up. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from server.answering.answer_cache import as_compared
from server.conversations.questions_asked import AskedQuestion, BookSection
from shared.models import Frozen

MOST_GROUPS = 50
MOST_QUESTIONS = 20
"""Of one group."""
MOST_SECTIONS = 50
MOST_PAGES = 30


class Repeated(Frozen):
    """A question, however often it was asked."""

    question: str
    """As it was put last."""
    times: int
    unanswered: int
    """Of these, told that the book does not say."""
    last_asked: datetime


class Gap(Frozen):
    """Questions that were not answered, or weakly, and what the book has nearest to them."""

    section: BookSection | None
    """None: nothing was found at all."""
    times: int
    questions: tuple[Repeated, ...]
    """Most asked first."""


class SectionUse(Frozen):
    """What readers thought of answers that cite a section."""

    section: BookSection
    cited: int
    up: int
    down: int


class PageUse(Frozen):
    """A page, and how many answers cite it."""

    title: str
    url: str
    cited: int


class Day(Frozen):
    """One day's questions, UTC."""

    day: date
    asked: int
    unanswered: int
    weak: int


class Insights(Frozen):
    """What the book is missing, and what it is used for."""

    asked: int
    unanswered: int
    """Told that the book does not say."""
    weak: int
    """Answered, but without a citation, against the search's judgement, or rated down."""
    days: tuple[Day, ...]
    """Those with questions, in order."""
    gaps: tuple[Gap, ...]
    """Most asked first."""
    sections: tuple[SectionUse, ...]
    """Of rated answers: most thumbs down first, then most up."""
    pages: tuple[PageUse, ...]
    """Most cited first."""


def is_weak(asked: AskedQuestion) -> bool:
    """Whether the question was answered, but not well."""
    return not asked.abstained and (not asked.cited or not asked.answerable or asked.rating == "down")


def sum_up(questions: Sequence[AskedQuestion]) -> Insights:
    """What these questions say of the book."""
    return Insights(
        asked=len(questions),
        unanswered=sum(one.abstained for one in questions),
        weak=sum(map(is_weak, questions)),
        days=_days(questions),
        gaps=_gaps([one for one in questions if one.abstained or is_weak(one)]),
        sections=_sections(questions),
        pages=_pages(questions),
    )


def _days(questions: Iterable[AskedQuestion]) -> tuple[Day, ...]:
    of_day: defaultdict[date, list[AskedQuestion]] = defaultdict(list)
    for one in questions:
        of_day[one.created_at.date()].append(one)
    return tuple(
        Day(day=day, asked=len(asked), unanswered=sum(one.abstained for one in asked), weak=sum(map(is_weak, asked)))
        for day, asked in sorted(of_day.items())
    )


def _gaps(questions: Iterable[AskedQuestion]) -> tuple[Gap, ...]:
    """By the section the book has nearest; what it is called is what it was called last."""
    groups: defaultdict[str, list[AskedQuestion]] = defaultdict(list)
    for one in questions:
        groups[one.nearest.url if one.nearest else ""].append(one)
    largest = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))[:MOST_GROUPS]
    return tuple(Gap(section=_latest(group).nearest, times=len(group), questions=_repeated(group)) for _, group in largest)


def _repeated(questions: Iterable[AskedQuestion]) -> tuple[Repeated, ...]:
    same: defaultdict[str, list[AskedQuestion]] = defaultdict(list)
    for one in questions:
        same[as_compared(one.question)].append(one)
    most = sorted(same.items(), key=lambda group: (-len(group[1]), group[0]))[:MOST_QUESTIONS]
    return tuple(
        Repeated(
            question=_latest(group).question,
            times=len(group),
            unanswered=sum(one.abstained for one in group),
            last_asked=_latest(group).created_at,
        )
        for _, group in most
    )


def _latest(questions: Sequence[AskedQuestion]) -> AskedQuestion:
    return max(questions, key=lambda one: one.created_at)


def _sections(questions: Iterable[AskedQuestion]) -> tuple[SectionUse, ...]:
    cited: Counter[str] = Counter()
    ratings: Counter[tuple[str, str]] = Counter()
    named: dict[str, BookSection] = {}
    for one in sorted(questions, key=lambda one: one.created_at):
        for section in one.cited:
            cited[section.url] += 1
            named[section.url] = section
            if one.rating is not None:
                ratings[section.url, one.rating] += 1
    rated = {url for url, _ in ratings}
    uses = [SectionUse(section=named[url], cited=cited[url], up=ratings[url, "up"], down=ratings[url, "down"]) for url in rated]
    return tuple(sorted(uses, key=lambda use: (-use.down, -use.up, use.section.url))[:MOST_SECTIONS])


def _pages(questions: Iterable[AskedQuestion]) -> tuple[PageUse, ...]:
    cited: Counter[str] = Counter()
    titles: dict[str, str] = {}
    for one in sorted(questions, key=lambda one: one.created_at):
        pages = {section.url.partition("#")[0]: section.title for section in one.cited}
        cited.update(pages.keys())
        titles |= pages
    most = sorted(cited.items(), key=lambda page: (-page[1], page[0]))[:MOST_PAGES]
    return tuple(PageUse(title=titles[url], url=url, cited=times) for url, times in most)

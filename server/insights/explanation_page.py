"""An explanation as a page, with its times as a waterfall. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from server.finding.choosing import Fate
from server.finding.trail import Candidate, SearchTrail, Trail
from server.insights.document import anchored, document, share_bar, tabled
from server.insights.explanation import MS, AnswerLine, Explanation, StepTime

_ROW_PX, _NAMES_PX, _PLOT_PX = 18, 190, 600
_FATES: dict[Fate, str] = {
    "taken": "a passage",
    "no room": "dropped: the tokens for passages were spent",
    "repeats": "dropped: one before it says the same",
    "shown": "within another passage",
    "set back": "dropped: others of its section or page came first",
    "outranked": "others fit better",
}
_LOWERED = {"asks only": "lowered: it only asks", "does not define": "lowered: it does not say what the thing is"}
_ROLES = {"question": "The question", "part": "A part of it", "side": "A side of it", "page": "Within the reader's page"}


def list_page(answers: Sequence[AnswerLine]) -> str:
    """The last answers, each with a link to why."""
    rows = (
        (
            f'<a href="why/{escape(one.message_id)}">{escape(one.question)}</a>',
            escape(one.book),
            one.mode if one.is_over else "on its way",
            f"{one.asked_at:%H:%M:%S}",
        )
        for one in answers
    )
    return document("The last answers", tabled(("Question", "Book", "Kind", "Asked, UTC"), rows))


def explanation_page(why: Explanation) -> str:
    """Why one answer says what it says."""
    parts = [f"<p>{escape(why.question)}</p>", _facts(why), _waterfall(why.steps)]
    parts += [_search(one) for one in why.trail.searches] if why.trail else []
    if why.passages:
        rows = (
            (f"[{one.n}] {anchored(_named(one.title, one.heading_path), one.url)}", f"{one.score:.3f}", one.tokens,
             "cited" if one.cited else "")
            for one in why.passages
        )  # fmt: skip
        parts += ["<h2>Passages</h2>", tabled(("Passage", "Score", "Tokens", ""), rows)]
    if why.prompt:
        parts += ["<h2>Prompt</h2>", *(_text(message.role, message.content) for message in why.prompt)]
    if why.answer:
        parts += ["<h2>Answer</h2>", _text("As it was told", why.answer)]
    return document("Why this answer", "\n".join(parts))


def _facts(why: Explanation) -> str:
    usage = why.usage
    cost = "its price is not known" if usage is None or usage.cost_usd is None else f"{usage.cost_usd:.6f} USD"
    support = None if why.support is None else f"{why.support:.3f}, {'answerable' if why.answerable else 'not answerable'}"
    facts = {
        "Asked": f"{why.asked_at:%Y-%m-%d %H:%M:%S} UTC" + (f", of {why.book}" if why.book else ""),
        "Message": why.message_id,
        "Request": why.request_id,
        "Before it": " · ".join(turn.content for turn in why.history if turn.role == "user"),
        "Selected": why.selected_text,
        "Page": why.page_url,
        "Searched for": why.query,
        "The book": support,
        "Of that": _meant(why.trail),
        "Build": why.build_id,
        "Model": why.model,
        "Ended": _ending(why),
        "Given first as": why.given_first,
        "Tokens": usage and f"{usage.prompt_tokens} of the prompt, {usage.completion_tokens} of the answer; {cost}",
        "Times": ", ".join(
            f"{name} {seconds:.3f} s"
            for name, seconds in (("passages", why.retrieve_s), ("first word", why.ttft_s), ("all", why.total_s))
            if seconds is not None
        ),
    }
    rows = "".join(f"<tr><th>{name}</th><td>{escape(fact)}</td></tr>\n" for name, fact in facts.items() if fact)
    return f'<table class="facts">\n{rows}</table>'


def _meant(trail: Trail | None) -> str:
    if trail is None:
        return ""
    told = ["the first passage is what the selected text stands in"] if trail.has_selection else []
    if trail.of_page:
        told.append("the reader's page is meant" + (", all of it" if trail.of_page == "all of it" else ""))
    return "; ".join(told)


def _ending(why: Explanation) -> str:
    told = [why.finish_reason or ("its reader left" if why.is_over else "")]
    told += [f"error {why.error}"] if why.error else []
    signs = {"the book does not say": why.abstained, "quoted, not written": why.degraded, "given again": why.cached}
    return ", ".join([one for one in told if one] + [sign for sign, holds in signs.items() if holds])


def _waterfall(steps: Sequence[StepTime]) -> str:
    """A bar a step, from when it began to when it ended."""
    if not steps:
        return ""
    whole = max(step.began_ms + step.took_ms for step in steps) or 1.0
    bars: list[str] = []
    for row, step in enumerate(steps):
        left, width = _NAMES_PX + _PLOT_PX * step.began_ms / whole, max(1.0, _PLOT_PX * step.took_ms / whole)
        at = row * _ROW_PX
        bars.append(
            f'<text x="0" y="{at + 13}">{escape(step.name)}: {step.took_ms:.1f} ms</text>'
            f'<rect class="asked" x="{left:.1f}" y="{at + 3}" width="{width:.1f}" height="{_ROW_PX - 6}"></rect>'
        )
    width, height = _NAMES_PX + _PLOT_PX, len(steps) * _ROW_PX
    return (
        f'<h2>Times</h2>\n<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="When each step began and ended">{"".join(bars)}</svg>\n'
        f'<p class="key">{whole / MS:.3f} s from the question to the end of the last step.</p>'
    )


def _search(search: SearchTrail) -> str:
    needed = f"support {search.support:.3f}, needed {search.enough:.2f}"
    found = f"{search.by_words} chunks found by words, {search.by_meaning} by meaning"
    others = f", {search.other_versions} of them of other versions, left out" if search.other_versions else ""
    away = "; the embedding model was out of reach" if search.degraded else ""
    more = search.places - len(search.candidates)
    rest = f'<p class="key">And {more} places that fit less.</p>' if more > 0 else ""
    leaning = f'<p class="key">After: {escape(search.context)}</p>\n' if search.context else ""
    best = max((one.words for one in search.candidates), default=0.0) or 1.0
    rows = (_row(one, best) for one in search.candidates)
    return (
        f"<h2>{_ROLES[search.role]}: {escape(search.query)}</h2>\n{leaning}"
        f"<p>{found}{others}{away}; {search.places} places, {needed}.</p>\n"
        f"{tabled(('Place', 'By words', 'By meaning', 'Score', '', 'What became of it'), rows)}\n{rest}"
    )


def _row(one: Candidate, best: float) -> tuple[str, ...]:
    fate = _FATES[one.fate] + (f"; {_LOWERED[one.lowered]}" if one.lowered else "")
    return (
        anchored(_named(one.title, one.heading_path), one.url),
        f"{one.words:.2f}<br>{share_bar(one.words / best)}",
        "" if one.cosine is None else f"{one.cosine:.3f}",
        f"{one.score:.3f}",
        share_bar(min(1.0, one.score)),
        escape(fate),
    )


def _named(title: str, heading_path: Sequence[str]) -> str:
    return " › ".join((title, *(heading for heading in heading_path if heading != title)))


def _text(name: str, text: str) -> str:
    return f"<details><summary>{escape(name)}</summary>\n<pre>{escape(text)}</pre></details>"

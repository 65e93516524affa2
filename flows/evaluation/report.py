"""An evaluation for people: lines for a terminal, and one HTML page that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from flows.evaluation.answers import ANSWERED
from flows.evaluation.declining import DECLINED, OFFERED, Point, trade_off
from flows.evaluation.metrics import Interval, compare, summarise
from flows.evaluation.run import EvaluationRun, QuestionResult

HEADLINES = (
    "page_hit@1",
    "page_hit@5",
    "mrr@10",
    "ndcg@10",
    "span_ndcg@10",
    "tok_recall@4000ch",
    "tok_recall@5",
    "tok_precision@5",
    "tok_iou@5",
    OFFERED,
    DECLINED,
)
"""What is plotted; the table has every metric."""
FIRST = {
    "page_hit@5": "a right page is among the first five",
    "tok_recall@4000ch": "of the right text, what a model gets to read",
    ANSWERED: "answered as the question file asks",
    OFFERED: "answered by the book, and not declined",
    DECLINED: "not answered by the book, and declined",
}
"""The figures an author needs first, and what each says."""
WORST = 25
"""Questions listed, the worst found first."""
WIDTH, LABEL, ROW = 720, 190, 26
"""Of the plots, in pixels."""
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #ddd; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } svg { max-width: 100%; height: auto; }
.better { color: #0a6b2d; } .worse { color: #a3161b; } small { color: #666; }
"""


def describe(run: EvaluationRun, other: EvaluationRun | None = None, *, every: bool = False) -> Iterator[str]:
    """The first metrics, or `every` one, with their 95 % intervals and, against another run, the paired differences.

    A star: the interval of the difference is off 0.
    """
    yield f"{run.name}: {len(run.questions)} questions, {run.chunks} chunks, {_how(run)}"
    differences = compare(run.scores, other.scores) if other else {}
    metrics = summarise(run.scores.values())
    for name in metrics if every else [name for name in FIRST if name in metrics]:
        interval = metrics[name]
        line = f"  {name:18} {interval.mean:.4f}  [{interval.low:.4f}, {interval.high:.4f}]"
        if name in differences:
            line += f"   {_signed(differences[name])}"
        yield line if every else f"{line}   {FIRST[name]}"
    if other:
        shared = len(run.scores.keys() & other.scores.keys())
        yield f"  against {other.name} of {_when(other)}, {_how(other)}: {shared} questions in both"


def write_page(run: EvaluationRun, other: EvaluationRun | None = None) -> str:
    """The HTML page."""
    metrics = summarise(run.scores.values())
    differences = compare(run.scores, other.scores) if other else {}
    found = [one for one in run.questions if "ndcg@10" in one.scores]
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>Evaluation: {escape(run.name)}</title>',
            f"<style>{_STYLE}</style></head><body>",
            f"<h1>{escape(run.name)}</h1>",
            f"<p>{len(run.questions)} questions, {run.chunks} chunks, {escape(_how(run))}, {_when(run)}.</p>",
            _plot("How well", {name: metrics[name] for name in HEADLINES if name in metrics}, 0.0, 1.0),
            *_against(other, differences),
            _ranks(found),
            *_trade_off(list(trade_off(run.questions))),
            _table(metrics, differences),
            _worst(found),
            "</body></html>",
            "",
        )
    )


def _against(other: EvaluationRun | None, differences: Mapping[str, Interval]) -> Iterator[str]:
    if other is None:
        return
    yield f"<p>Differences are against {escape(other.name)}, {escape(_how(other))}, {_when(other)}.</p>"
    shown = {name: differences[name] for name in HEADLINES if name in differences}
    reach = max((max(abs(one.low), abs(one.high)) for one in shown.values()), default=0.0) or 0.01
    yield _plot("Better or worse", shown, -reach, reach)


def _plot(title: str, intervals: Mapping[str, Interval], low: float, high: float) -> str:
    """Means as dots on their intervals, over an axis from `low` to `high`."""
    height = ROW * (len(intervals) + 1)

    def x(value: float) -> float:
        return LABEL + (WIDTH - LABEL - 60) * (value - low) / (high - low)

    marks = [
        f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="0" y2="{height - ROW}" stroke="#ddd"/>'
        f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle" font-size="11" fill="#666">{tick:.2g}</text>'
        for tick in (low, (low + high) / 2, high)
    ]
    for row, (name, one) in enumerate(intervals.items()):
        y = ROW * (row + 0.5)
        marks.append(
            f'<text x="0" y="{y + 4:.1f}" font-size="13">{escape(name)}</text>'
            f'<line x1="{x(one.low):.1f}" x2="{x(one.high):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#2b6cb0" stroke-width="3"/>'
            f'<circle cx="{x(one.mean):.1f}" cy="{y:.1f}" r="5" fill="#2b6cb0"/>'
            f'<text x="{WIDTH - 50}" y="{y + 4:.1f}" font-size="12">{one.mean:.3f}</text>'
        )
    return f'<h2>{title}</h2><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">{"".join(marks)}</svg>'


def _ranks(questions: Sequence[QuestionResult]) -> str:
    """On which page, counted from the first result, the answer came: a bar per rank."""
    counts = {str(rank): 0 for rank in range(1, 11)} | {"later": 0}
    for one in questions:
        reciprocal = one.scores.get("mrr@10", 0.0)
        counts[str(round(1 / reciprocal)) if reciprocal else "later"] += 1
    most, width = max(counts.values()) or 1, WIDTH / len(counts)
    bars = [
        f'<rect x="{index * width + 4:.1f}" y="{120 - 110 * count / most:.1f}" width="{width - 8:.1f}" '
        f'height="{110 * count / most:.1f}" fill="#2b6cb0"/>'
        f'<text x="{(index + 0.5) * width:.1f}" y="136" text-anchor="middle" font-size="12">{rank}: {count}</text>'
        for index, (rank, count) in enumerate(counts.items())
    ]
    title = "Where the first right page came"
    return f'<h2>{title}</h2><svg viewBox="0 0 {WIDTH} 144" role="img" aria-label="{title}">{"".join(bars)}</svg>'


def _trade_off(points: Sequence[Point]) -> Iterator[str]:
    """A line for each kind of question over the thresholds, and the same as a table."""
    if not points:
        return
    title, height = "When to decline", 160

    def line(shares: Sequence[float], colour: str) -> str:
        across = [LABEL + (WIDTH - LABEL - 60) * one.threshold for one in points]
        at = (f"{x:.1f},{(1 - share) * height:.1f}" for x, share in zip(across, shares, strict=True))
        return f'<polyline points="{" ".join(at)}" fill="none" stroke="{colour}" stroke-width="3"/>'

    drawn = line([one.offered for one in points], "#2b6cb0") + line([one.declined for one in points], "#b0552b")
    names = (
        '<text x="0" y="40" font-size="13" fill="#2b6cb0">answered, and offered</text>'
        '<text x="0" y="60" font-size="13" fill="#b0552b">not in it, and declined</text>'
    )
    yield f'<h2>{title}</h2><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">{names}{drawn}</svg>'
    rows = "".join(f'<tr><td>{n:g}</td><td class="n">{a:.3f}</td><td class="n">{d:.3f}</td></tr>' for n, a, d in points)
    head = '<tr><th>ANSWER_SUPPORT</th><th class="n">Answered, and offered</th><th class="n">Not in it, and declined</th></tr>'
    yield f"<table>{head}{rows}</table>"


def _table(metrics: Mapping[str, Interval], differences: Mapping[str, Interval]) -> str:
    head = '<tr><th>Metric</th><th class="n">Mean</th><th class="n">95 % interval</th>'
    head += '<th class="n">Difference</th></tr>' if differences else "</tr>"
    rows: list[str] = []
    for name, one in metrics.items():
        row = f'<tr><td>{escape(name)}</td><td class="n">{one.mean:.4f}</td><td class="n">{one.low:.4f} to {one.high:.4f}</td>'
        if name in differences:
            other = differences[name]
            kind = "better" if other.low > 0 else "worse" if other.high < 0 else ""
            row += f'<td class="n {kind}">{_signed(other)}</td>'
        elif differences:
            row += "<td></td>"
        rows.append(row + "</tr>")
    return f"<h2>Every metric</h2><table>{head}{''.join(rows)}</table>"


def _worst(questions: Sequence[QuestionResult]) -> str:
    ordered = sorted(questions, key=lambda one: (one.scores["ndcg@10"], one.scores.get("tok_recall@4000ch", 1.0)))
    rows = "".join(
        f"<tr><td>{escape(one.question)}<br><small>{escape(', '.join(dict.fromkeys(hit.path for hit in one.results[:5])))}"
        f'</small></td><td class="n">{one.scores["ndcg@10"]:.2f}</td></tr>'
        for one in ordered[:WORST]
    )
    head = '<tr><th>Question, and the pages found first</th><th class="n">ndcg@10</th></tr>'
    return f"<h2>Found worst</h2><table>{head}{rows}</table>"


def _signed(one: Interval) -> str:
    star = " *" if one.low > 0 or one.high < 0 else ""
    return f"{one.mean:+.4f} [{one.low:+.4f}, {one.high:+.4f}]{star}"


def _how(run: EvaluationRun) -> str:
    return f"words and {run.embedding_model}" if run.embedding_model else "words only"


def _when(run: EvaluationRun) -> str:
    return f"{run.created_at:%Y-%m-%d %H:%M} UTC"

"""What an ingest did or would do, for people: lines for a terminal, tables and Markdown for Prefect's pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from flows.plan import FileChange
from shared.models import Chunk, Problem, Report, Tally

MAX_LISTED = 50
"""Problems and files named one by one; the rest is counted."""
LEFT_OUT = {"include": "includes", "imported": "imports", "directive": "directives", "template": "values of templates"}
"""What a problem that ends in "left out" begins with, as many."""
MAX_NAMED = 3
"""The same, in the middle of a line."""


def describe_tally(tally: Tally, noun: str) -> str:
    """E.g. `22 files: 1 added, 2 changed, 19 kept, 0 removed`."""
    now = tally.added + tally.changed + tally.kept
    parts = f"{tally.added} added, {tally.changed} changed, {tally.kept} kept, {tally.removed} removed"
    return f"{now} {noun}: {parts}"


def describe_cost(tokens: int, cost_usd: float | None) -> str:
    """E.g. `171,204 tokens, $0.0034`."""
    return f"{tokens:,} tokens, " + ("price not known" if cost_usd is None else f"${cost_usd:.4f}")


def describe_problem(problem: Problem) -> str:
    """`path:line: reason`, as compilers say it."""
    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    return f"{place}: {problem.reason}" + (" (skipped)" if problem.skipped else "")


def describe_problems(problems: Sequence[Problem]) -> list[str]:
    """A line for each, at most `MAX_LISTED`; none when there are none."""
    lines = [describe_problem(problem) for problem in problems[:MAX_LISTED]]
    return lines + ([f"and {len(problems) - MAX_LISTED} more problems"] if len(problems) > MAX_LISTED else [])


def describe_left_out(problems: Sequence[Problem]) -> list[str]:
    """A line for each kind of thing that pages hold and readers will not be told, with how many there are in how many pages."""
    found: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        kind, left_out, _ = problem.reason.partition(" left out")
        if left_out and not problem.skipped:
            found[LEFT_OUT.get(kind.split(" ")[0], kind)].append(problem)
    return [f"left out of the text: {_tally(kind, each)}, as in {describe_problem(each[0])}" for kind, each in found.items()]


def _tally(kind: str, problems: Sequence[Problem]) -> str:
    pages = len({problem.path for problem in problems})
    return f"{len(problems)} {kind} in {pages} {'page' if pages == 1 else 'pages'}"


def describe_notes(notes: Sequence[str]) -> list[str]:
    """A line for each."""
    return [f"note: {note}" for note in notes]


def describe_skipped(problems: Sequence[Problem]) -> list[str]:
    """A line that names the files that are not in the index, for where there is room for one; none when there are none."""
    skipped = sorted({problem.path for problem in problems if problem.skipped})
    names = ", ".join(skipped[:MAX_NAMED]) + (", ..." if len(skipped) > MAX_NAMED else "")
    return [f"{len(skipped)} {'file' if len(skipped) == 1 else 'files'} skipped: {names}"] if skipped else []


def describe_report(report: Report) -> list[str]:
    """The report as lines for a terminal."""
    model = report.embedding_model
    bought = f"{report.embedded} texts embedded with {model}: {describe_cost(report.tokens, report.cost_usd)}"
    return [
        describe_tally(report.files, "files"),
        describe_tally(report.chunks, "chunks"),
        bought if model else "nothing embedded: the book is searched by words",
        f"{'new' if report.new_build else 'unchanged'} build {report.build_id} in {report.seconds:.1f} s",
    ]


def join_reports(reports: Sequence[Report]) -> Report:
    """The reports of several books as one: what was done to all of them together, and the first one's build."""
    first, *others = reports
    if not others:
        return first
    costs = [report.cost_usd for report in reports]
    return first.model_copy(
        update={
            "source": ", ".join(report.source for report in reports),
            "files": _sum_of([report.files for report in reports]),
            "chunks": _sum_of([report.chunks for report in reports]),
            "embedded": sum(report.embedded for report in reports),
            "tokens": sum(report.tokens for report in reports),
            "cost_usd": None if None in costs else sum(filter(None, costs)),
            "new_build": any(report.new_build for report in reports),
            "problems": tuple(problem for report in reports for problem in report.problems),
            "notes": tuple(note for report in reports for note in report.notes),
            "seconds": sum(report.seconds for report in reports),
        }
    )


def _sum_of(tallies: Sequence[Tally]) -> Tally:
    return Tally(**{name: sum(getattr(tally, name) for tally in tallies) for name in Tally.model_fields})


def changes_table(changes: Iterable[FileChange]) -> list[dict[str, str | int]]:
    """One row per file that is not as it was, for a table artifact; one row that says so when there is none."""
    rows: list[dict[str, str | int]] = [
        {"file": each.path, "change": each.change} | {f"chunks {name}": number for name, number in dict(each.chunks).items()}
        for each in changes
        if each.change != "kept"
    ]
    return rows or [{"file": "(all)", "change": "kept"}]


def summary_markdown(report: Report, changes: Sequence[FileChange], chunks: Iterable[Chunk]) -> str:
    """The report as Markdown, with links to the pages that are new or changed."""
    urls = {chunk.path: chunk.url.partition("#")[0] for chunk in chunks}
    lines = [f"# {report.source}", "", *(f"- {line}" for line in describe_report(report))]
    if report.problems or report.notes:
        summed = (*describe_notes(report.notes), *describe_left_out(report.problems))
        lines += ["", "## Problems", "", *(f"- `{line}`" for line in (*summed, *describe_problems(report.problems)))]
    touched = [each for each in changes if each.change in {"added", "changed"}]
    if touched:
        lines += ["", "## Pages", ""]
        lines += [f"- {each.change}: [{each.path}]({urls.get(each.path, '')})" for each in touched[:MAX_LISTED]]
    if len(touched) > MAX_LISTED:
        lines.append(f"- and {len(touched) - MAX_LISTED} more")
    return "\n".join(lines) + "\n"

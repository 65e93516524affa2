"""What an ingest did, in words."""

from __future__ import annotations

from flows.plan import FileChange, make_plan
from flows.report import (
    MAX_LISTED,
    changes_table,
    describe_cost,
    describe_problem,
    describe_problems,
    describe_report,
    describe_skipped,
    join_reports,
    summary_markdown,
)
from shared.ingest_runs import decode_report
from shared.models import Problem, Report, Tally
from tests.support.sample_builds import make_chunks

REPORT = Report(
    source="book",
    files=Tally(added=1, changed=2, kept=19),
    chunks=Tally(added=4, changed=3, kept=600, removed=1),
    embedded=7,
    tokens=1_234,
    cost_usd=0.0000247,
    embedding_model="text-embedding-3-small",
    build_id="b",
    new_build=True,
    problems=(Problem(path="a.md", line=3, reason="not UTF-8", skipped=True),),
    seconds=1.26,
)


def test_the_files_that_were_skipped_are_named_in_one_line() -> None:
    kept = Problem(path="kept.md", line=1, reason="broken front matter", skipped=False)
    skipped = [Problem(path=f"{name}.md", line=None, reason="not a regular file", skipped=True) for name in "dcba"]
    assert describe_skipped([kept]) == []
    assert describe_skipped([kept, skipped[3]]) == ["1 file skipped: a.md"]
    assert describe_skipped([*skipped, skipped[0]]) == ["4 files skipped: a.md, b.md, c.md, ..."]


def test_a_report_is_four_lines() -> None:
    assert describe_report(REPORT) == [
        "22 files: 1 added, 2 changed, 19 kept, 0 removed",
        "607 chunks: 4 added, 3 changed, 600 kept, 1 removed",
        "7 texts embedded with text-embedding-3-small: 1,234 tokens, $0.0000",
        "new build b in 1.3 s",
    ]


def test_the_reports_of_several_books_are_one() -> None:
    other = REPORT.model_copy(update={"source": "other", "cost_usd": 1.0, "new_build": False, "build_id": "c", "seconds": 2.0})
    both = join_reports([REPORT, other])
    assert (both.source, both.build_id, both.new_build, both.tokens) == ("book, other", "b", True, 2_468)
    assert (both.files, both.cost_usd, both.seconds) == (Tally(added=2, changed=4, kept=38), 1.0000247, 3.26)
    assert len(both.problems) == 2
    assert join_reports([REPORT, other.model_copy(update={"cost_usd": None})]).cost_usd is None
    assert join_reports([REPORT]) is REPORT


def test_a_book_searched_by_words_says_so() -> None:
    assert describe_report(REPORT.model_copy(update={"embedding_model": None}))[2].startswith("nothing embedded")


def test_a_price_that_is_not_known_is_not_guessed() -> None:
    assert describe_cost(5, None) == "5 tokens, price not known"


def test_a_problem_is_told_as_compilers_do() -> None:
    problem = REPORT.problems[0]
    assert describe_problem(problem) == "a.md:3: not UTF-8 (skipped)"
    assert describe_problem(problem.model_copy(update={"line": None, "skipped": False})) == "a.md: not UTF-8"


def test_of_many_problems_the_rest_is_counted() -> None:
    lines = describe_problems(REPORT.problems * (MAX_LISTED + 2))
    assert len(lines) == MAX_LISTED + 1
    assert lines[-1] == "and 2 more problems"


def test_the_table_lists_files_that_are_not_as_they_were() -> None:
    changes = [
        FileChange(path="a.md", change="kept", chunks=Tally(kept=3)),
        FileChange(path="b.md", change="changed", chunks=Tally(changed=1, kept=2)),
    ]
    assert changes_table(changes) == [
        {"file": "b.md", "change": "changed", "chunks added": 0, "chunks changed": 1, "chunks kept": 2, "chunks removed": 0}
    ]


def test_a_table_is_never_empty() -> None:
    assert len(changes_table([])) == 1


def test_the_summary_links_the_pages_that_changed_and_names_the_problems() -> None:
    chunks = make_chunks({"a.md": ["one"], "b.md": ["two"]})
    plan = make_plan(chunks, {chunk.id: chunk for chunk in chunks[:1]})
    text = summary_markdown(REPORT, plan.changes, chunks)
    assert "- added: [b.md](/docs/b.md)" in text
    assert "[a.md]" not in text
    assert "- `a.md:3: not UTF-8 (skipped)`" in text


def test_a_report_is_read_back() -> None:
    assert decode_report(REPORT.model_dump(mode="json")) == REPORT


def test_a_reason_that_quotes_a_page_without_end_keeps_its_beginning_and_what_is_said_of_it() -> None:
    reason = f"include left out: '--8<-- {'x' * 100_000}'; its file is not in the book's repository"

    told = Problem(path="a.md", line=1, reason=reason, skipped=False).reason

    assert len(told) <= 300
    assert told.startswith("include left out: '--8<-- xxx")
    assert told.endswith("x'; its file is not in the book's repository")

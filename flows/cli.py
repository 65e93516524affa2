"""`python -m flows`: plan, ingest, chunks, verify-links, evaluate, migrate, backup and restore, without Prefect.

Results go to standard output, progress and errors to standard error. Exit code 0: done; 1: a sentence says why not, or one for
each setting that is wrong; 2: the command line is not understood.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.book import Book, read_book
from flows.configuration import read_books, read_settings
from flows.moving.commands import add_moving
from flows.plan import Plan
from flows.progress import Tracker
from flows.report import describe_cost, describe_left_out, describe_notes, describe_problems, describe_report, describe_tally
from flows.terminal import show_progress, tell_error
from flows.vocabulary import find_vocabulary
from shared import tracing
from shared.embedding.model import choose_model
from shared.errors import LecternError
from shared.pricing import price_usd
from shared.settings import LOCAL_MODEL, NO_MODEL, Settings
from shared.tokens import load_tokenizer

if TYPE_CHECKING:
    from flows.evaluation.thresholds import Threshold

JSONL_FIELDS = frozenset(
    {"path", "start", "end", "start_line", "end_line", "heading_path", "anchor", "url", "tokens", "text", "content"}
)
EPILOG = "Settings come from the environment or .env (docs/settings.md); SITE_KIND, SITE_URL and SITE_BASE say where pages are."
Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if not options.each:
            return options.command(options, read_settings(options.book, only=options.only))
        return max([_run_one(options, *each) for each in read_books(options.book, only=options.only).items()])
    except LecternError as exc:
        return tell_error(exc)
    except BrokenPipeError:  # `... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _run_one(options: argparse.Namespace, name: str, settings: Settings) -> int:
    """The command for one of several books, under its name; where it fails, the others are not the worse for it."""
    if name and not options.json:
        print(f"{name}:")
    try:
        return int(options.command(options, settings))
    except LecternError as exc:
        return tell_error(exc, name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description="Bring a Markdown book into Lectern's index.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    plan = _command(commands, "plan", run_plan, "say what an ingest would do, and do nothing", each=True)
    ingest = _command(commands, "ingest", run_ingest, "bring the index up to date with the book", each=True)
    ingest.add_argument("--full", action="store_true", help="write a new build even if nothing changed or most files are gone")
    for each in (plan, ingest):
        each.add_argument("--json", action="store_true", help="print one JSON object")
    chunks = _command(commands, "chunks", run_chunks, "print the book's chunks, one JSON object a line")
    chunks.add_argument("--jsonl", action="store_true", help="the only format there is")
    verify = _command(commands, "verify-links", run_verify, "check every address of the chunks against the built site")
    built = verify.add_mutually_exclusive_group(required=True)
    built.add_argument("--site", type=Path, help="folder the site was built into: pages and #anchors are checked")
    built.add_argument("--sitemap", help="a sitemap.xml: as a file pages are checked, as an address #anchors too")
    evaluate = _command(commands, "evaluate", run_evaluate, "measure how well the search finds what questions ask for")
    evaluated = evaluate.add_mutually_exclusive_group(required=True)
    evaluated.add_argument("--set", type=Path, metavar="DIR", help="folder of questions.jsonl and corpus/, or a question file")
    evaluated.add_argument("--draft", action="store_true", help="print questions a reader would ask, for the author to edit")
    evaluate.add_argument("--vs", type=Path, metavar="RUN", help="a saved run.json to compare with")
    evaluate.add_argument("--out", type=Path, default=Path("evaluation"), help="folder for run.json and report.html")
    evaluate.add_argument("--all", action="store_true", help="print every metric, not only the five that tell most")
    evaluate.add_argument(
        "--at-least", type=_threshold, action="append", default=[], metavar="METRIC=VALUE", help="else fail; may be repeated"
    )
    add_moving(lambda name, run, summary: _command(commands, name, run, summary, reads=False))
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],  # pyright: ignore[reportPrivateUsage]  it has no other name
    name: str,
    run: Command,
    summary: str,
    *,
    each: bool = False,
    reads: bool = True,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=EPILOG)
    if reads:
        command.add_argument("book", nargs="?", metavar="BOOK", help="a folder or a git+https address (default: BOOK_SOURCE)")
    which = "the only one of BOOKS to do" if each else "which one of BOOKS (default: the first)"
    command.add_argument("--only", default="", metavar="NAME", help=which)
    command.set_defaults(command=run, each=each, **({} if reads else {"book": None}))
    return command


def run_plan(options: argparse.Namespace, settings: Settings) -> int:
    """Print what an ingest would do."""
    from flows.pipeline import plan_ingest

    with show_progress() as on_progress:
        book, plan = asyncio.run(plan_ingest(settings, on_progress=on_progress))
    if options.json:
        print(json.dumps(_plan_json(book, plan, settings), ensure_ascii=False))
        return 0
    changes = [f"{each.change:8}{each.path}" for each in plan.changes if each.change != "kept"]
    left_out = [f"left out {page.path}: {page.left_out}" for page in book.pages if page.left_out]
    sizes = [describe_tally(plan.files, "files"), describe_tally(plan.chunks, "chunks")]
    summed = [*describe_left_out(book.problems), *describe_notes(book.notes)]
    lines = [*changes, *left_out, *describe_problems(book.problems), *sizes, *summed, _cost_line(book, plan, settings)]
    print("\n".join(lines))
    return 0


def run_ingest(options: argparse.Namespace, settings: Settings) -> int:
    """Bring the index up to date, and print the report."""
    from flows.pipeline import ingest

    end_traces = tracing.begin(settings, "lectern-ingest")
    try:
        with tracing.span("ingest"), show_progress() as on_progress:
            report = asyncio.run(ingest(settings, full=options.full, on_progress=on_progress)).report
    finally:
        end_traces()
    if options.json:
        print(report.model_dump_json())
    else:
        summed = (*describe_left_out(report.problems), *describe_notes(report.notes))
        print("\n".join((*describe_problems(report.problems), *describe_report(report), *summed)))
    return 0


def run_chunks(_options: argparse.Namespace, settings: Settings) -> int:
    """Print every chunk."""
    for chunk in _read(settings).chunks:
        print(json.dumps(chunk.model_dump(mode="json", include=set(JSONL_FIELDS)), ensure_ascii=False))
    return 0


def run_verify(options: argparse.Namespace, settings: Settings) -> int:
    """Print every address that does not exist on the site; exit code 1 when there is one."""
    from flows.sites.verification.sitemap import verify_sitemap
    from flows.sites.verification.verify import verify

    book = _read(settings)
    chunks = book.chunks
    missing = verify_sitemap(chunks, options.sitemap) if options.sitemap else verify(chunks, book.site, options.site)
    for each in missing:
        print(f"{each.path}:{each.line}: {each.url}: {each.reason}")
    print(f"{len(missing)} addresses of {len(chunks)} chunks do not exist on the site", file=sys.stderr)
    return 1 if missing else 0


def run_evaluate(options: argparse.Namespace, settings: Settings) -> int:
    """Print the metrics, and write `run.json` and `report.html`; or print proposed questions.

    Exit code 1 when a metric is below what it was to be at least.
    """
    from flows.evaluation.draft import draft
    from flows.evaluation.evaluate import evaluate, find_set
    from flows.evaluation.metrics import summarise
    from flows.evaluation.report import describe, write_page
    from flows.evaluation.run import read_run
    from flows.evaluation.thresholds import missed

    if options.draft:
        for line in draft(_read(settings).chunks, settings.book_language):
            print(json.dumps(line, ensure_ascii=False))
        return 0
    question_set, other = find_set(options.set, settings), read_run(options.vs) if options.vs else None
    with show_progress() as on_progress:
        run = asyncio.run(evaluate(settings, question_set, on_progress=on_progress))
    print("\n".join(describe(run, other, every=options.all)))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "run.json").write_text(run.model_dump_json(indent=1), encoding="utf-8")
    (options.out / "report.html").write_text(write_page(run, other), encoding="utf-8")
    print(f"written: {options.out / 'run.json'}, {options.out / 'report.html'}", file=sys.stderr)
    short = list(missed(options.at_least, summarise(run.scores.values())))
    for line in short:
        print(f"lectern: {line}", file=sys.stderr)
    return 1 if short else 0


def _threshold(text: str) -> Threshold:
    from flows.evaluation.thresholds import parse_threshold

    try:
        return parse_threshold(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _read(settings: Settings) -> Book:
    """The book as it is now; its problems are told on standard error."""
    with show_progress() as on_progress:
        book = asyncio.run(read_book(settings, tracker=Tracker(on_progress)))
    for line in (*describe_problems(book.problems), *describe_left_out(book.problems), *describe_notes(book.notes)):
        print(line, file=sys.stderr)
    return book


def _cost_line(book: Book, plan: Plan, settings: Settings) -> str:
    """What embedding costs; without a key, what it would cost with one."""
    about = "" if book.exact_tokens else " (estimated: the tokenizer's vocabulary is missing)"
    model = choose_model(settings)
    bill = f"{len(plan.to_embed)} texts with {model.name}, {describe_cost(plan.tokens, plan.cost_usd)}" if model else "nothing"
    if settings.embedding_model in {NO_MODEL, LOCAL_MODEL}:
        return f"to embed: {bill} (EMBEDDING_MODEL={settings.embedding_model}){about}"
    if settings.embedding_key is not None:
        return f"to embed: {bill}{about}"
    contents = {chunk.content_hash: chunk.content for chunk in book.chunks}
    tokens = sum(map(load_tokenizer(find_vocabulary(settings.data_dir)).count, contents.values()))
    other = describe_cost(tokens, price_usd(settings.embedding_model, tokens))
    return f"to embed: {bill} (no key); the whole book with {settings.embedding_model} would be {other}{about}"


def _plan_json(book: Book, plan: Plan, settings: Settings) -> dict[str, object]:
    return {
        "source": book.source.name,
        "files": plan.files.model_dump(),
        "chunks": plan.chunks.model_dump(),
        "to_embed": len(plan.to_embed),
        "tokens": plan.tokens,
        "cost_usd": plan.cost_usd,
        "embedding_model": model.name if (model := choose_model(settings)) else None,
        "exact_tokens": book.exact_tokens,
        "changes": [each.model_dump() for each in plan.changes if each.change != "kept"],
        "left_out": {page.path: page.left_out for page in book.pages if page.left_out},
        "notes": [*book.notes],
        "left_out_of_the_text": describe_left_out(book.problems),
        "problems": [problem.model_dump() for problem in book.problems],
    }

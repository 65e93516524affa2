"""`python -m tests.figures [--short] [--dry] [NAME ...]`: run figures, say what came out, and write it into docs/figures.md."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.figures import abuse, bad_input, hostile_text, ingests, leaving, load, open_streams, restarts, upstream
from tests.figures.measuring.harness import Measured, Trial
from tests.figures.measuring.report import PAGE, Row, machine, rewritten

SHORT_LIMIT_S = 300.0


class Figure(NamedTuple):
    """What is measured, and what it should come to."""

    what: str
    target: str
    measure: Callable[[Trial], Awaitable[Measured]]
    limit_s: float
    """After so long it is given up."""


FIGURES = {
    "leaving": Figure(
        "a reader leaves, at random tokens, at once, before the body, on HTTP/2: the upstream is closed",
        "p99 <= 300 ms, none left open",
        leaving.readers_leave,
        180,
    ),
    "open-streams": Figure(
        "200 open streams for 5 minutes",
        "0 drops; memory and descriptors back to base; /health p99 < 100 ms",
        open_streams.open_for_minutes,
        600,
    ),
    "never-reading": Figure(
        "50 readers that never read, 20 normal ones beside them",
        "normal p95 < 1.2x, all 50 evicted by their deadline, < 30 MB",
        open_streams.never_reading,
        420,
    ),
    "sigterm": Figure(
        "SIGTERM with 50 streams open",
        "each gets `done`, or a typed `error` and `done`; exit within grace + 2 s",
        leaving.told_to_stop,
        120,
    ),
    "during-ingest": Figure(
        "20 chats a second during a full re-ingest", "0 failed, loop lag p99 < 50 ms", load.during_an_ingest, 300
    ),
    "upstream-faults": Figure(
        "upstream faults: refused, hang, cut before and after the first token, 400 to 503, HTML 200, bad JSON, empty, wrong "
        "shapes, absurd usage, NaN and short vectors, for OpenAI and Qdrant",
        "every cell a typed outcome within its deadline, no traceback, no hang",
        upstream.faults_upstream,
        2400,
    ),
    "bad-input": Figure(
        "bad input: Schemathesis (coverage, fuzzing and stateful phases) and 5,000 seeded bodies",
        "0 x 5xx, all problem+json with CORS, nothing leaked",
        bad_input.bad_input,
        1800,
    ),
    "any-text": Figure(
        "any text a stranger or an author can send, at 1 to 64 kB",
        "no request holds the loop over 50 ms",
        hostile_text.any_text,
        1800,
    ),
    "abuse": Figure(
        "abuse: 200 slowloris, a 1 GB chunked body, 10,000 rotated X-Forwarded-For, 10,000 addresses, a preflight flood, "
        "HTTP/2 rapid reset",
        "limits hold, limiter memory flat, /health < 1 s",
        abuse.abuse,
        1500,
    ),
    "injections": Figure(
        "50 injections and 40 XSS strings through the book, the selection, the history, page_url and the model's output",
        "0 canary leaks, 0 forged events, 0 active markup",
        hostile_text.injections,
        900,
    ),
    "restarts": Figure(
        "Postgres, Redis, Prefect, OpenAI, Qdrant each killed and restarted under load",
        "chat never fails for Postgres, Redis and Prefect; typed and recovering for the others",
        restarts.restarts,
        600,
    ),
    "killed-ingests": Figure(
        "100 seeded kill -9 of an ingest, at every step and inside the write, each run again",
        "100 of 100 the same ids and hashes, readers never saw a mix",
        ingests.killed,
        2400,
    ),
    "damaged-data": Figure(
        "20 ways to damage the data folder, then an ingest",
        "20 of 20 healed or one clear sentence, nothing lost that was whole",
        ingests.damaged,
        900,
    ),
    "hostile-pages": Figure(
        "30 hostile Markdown shapes at 10 kB to 1 MB, and 2,000 mutated files",
        "each under 10 s of CPU or reported and skipped, the run goes on",
        ingests.hostile_pages,
        2400,
    ),
    "many-chats": Figure("20,000 chats", "memory flat after the first 1,000", load.thousands_of_chats, 1800),
}


def run_figure(name: str, *, is_short: bool, scale: float = 1.0) -> Measured:
    """Measure it; one that fails or takes too long is a failure, not a traceback."""
    figure = FIGURES[name]
    limit_s = SHORT_LIMIT_S if is_short else figure.limit_s

    async def measure(folder: Path) -> Measured:
        async with asyncio.timeout(limit_s):
            return await figure.measure(Trial(folder, is_short, scale))

    with tempfile.TemporaryDirectory(prefix=f"lectern-{name}-", ignore_cleanup_errors=True) as folder:
        try:
            return asyncio.run(measure(Path(folder)))
        except TimeoutError:
            return Measured(f"not over after {limit_s:.0f} s", 0, 1)
        except Exception as exc:  # noqa: BLE001  the other figures are measured all the same
            traceback.print_exc()
            return Measured(f"{type(exc).__name__}: {str(exc)[:200]}", 0, 1)


def main() -> int:
    """0 when nothing failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.figures", description="Measure what holds under load, faults and malice."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--short", action="store_true", help="seconds each, as `make test` runs them; nothing is written")
    parser.add_argument("--scale", type=float, default=1.0, help="share of what is tried, on a busy machine; n tells")
    options = parser.parse_args()
    names = options.names or list(FIGURES)
    if unknown := sorted(set(names) - FIGURES.keys()):
        parser.error(f"no such figure: {', '.join(unknown)}")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    failures = 0
    for name in names:
        began = time.monotonic()
        measured, figure = run_figure(name, is_short=options.short, scale=options.scale), FIGURES[name]
        failures += measured.failures
        sys.stdout.write(
            f"{name}: {measured.text}; n {measured.n}, failures {measured.failures} ({time.monotonic() - began:.0f} s)\n"
        )
        sys.stdout.flush()
        if not options.short:
            text = f"{measured.text}. {measured.missed}".rstrip(". ")
            run = f"{datetime.now(UTC):%Y-%m-%d}, {commit}, {machine()}"
            row = Row(name, figure.what, figure.target, text, f"{measured.n:,}", str(measured.failures), run)
            PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), {name: row}, list(FIGURES)), encoding="utf-8")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Renders the tables of `docs/operating.md` from the code: run `make reference` after changing what
they tell of: a field of /health, a metric, a limit, a time, an error code.

`tests/policy/test_policy.py` fails while the page differs from what this renders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from server.__main__ import KEEP_ALIVE_S
from server.answering.pacing import Timing
from server.answering.resume import KEEP_S
from server.app import BODY_TIMEOUT_S, MAX_BODY_BYTES
from server.http.draining import FINISH_S
from server.http.limits import LOOKUPS_PER_QUESTION, MIN_STREAMS, READERS, STREAMS_SHARE
from server.http.requests import MAX_QUESTION_CHARS, MAX_SELECTION_CHARS, MAX_TURN_CHARS, MAX_TURNS
from server.metrics import Metrics
from server.problems import MEANINGS
from server.routes.answers import RETRIEVE_TIMEOUT_S
from server.routes.book_pages import RENDER_TIMEOUT_S
from server.routes.health import LOOK_UP_S
from server.routes.search import SEARCH_TIMEOUT_S
from server.status.gauges import GAUGES
from server.status.health import STARTING_S
from server.status.health_report import HealthReport, LiveBuild
from server.status.probes import WAIT_S
from shared.settings import HOME

HEALTH = ("/health", "/health/live", "/health/ready", "/health/qdrant", "/health/db", "/health/redis")
UNLIMITED = (*HEALTH, "/metrics", "/", "/docs", "/openapi.json")
"""What is named of the routes without a limit; the others are the files of the two pages."""
PAGE = HOME / "docs" / "operating.md"
_BLOCK = re.compile(r"(<!-- rendered: (\w+) -->\n)(?:(?!<!-- rendered).)*?(<!-- end -->)", re.DOTALL)


def render(page: str) -> str:
    """The page with every block between `<!-- rendered: name -->` and `<!-- end -->` as the code has it now."""
    codes = _table(("Code", "What it means"), ((f"`{code}`", meaning) for code, meaning in MEANINGS.items()))
    tables = {"health": _health(), "metrics": _metrics(), "limits": _limits(), "times": _times(), "codes": codes}
    return _BLOCK.sub(lambda block: f"{block[1]}\n{tables[block[2]]}\n\n{block[3]}", page)


def _health() -> str:
    fields = [(name, field.description) for name, field in HealthReport.model_fields.items()]
    build = [(f"build.{name}", field.description) for name, field in LiveBuild.model_fields.items()]
    at = [name for name, _ in fields].index("build") + 1
    return _table(
        ("Field", "What it says"),
        ((f"`{name}`", " ".join((text or "").split())) for name, text in [*fields[:at], *build, *fields[at:]]),
    )


def _metrics() -> str:
    kept = [(one.name, one.kind, one.labels, one.meaning) for one in Metrics().described]
    read = [(f"lectern_{name}", "gauge", labels, meaning) for name, (meaning, labels) in GAUGES.items()]
    rows = (
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), meaning)
        for name, kind, labels, meaning in [*kept, *read]
    )
    return _table(("Metric", "Type", "Labels", "What it says"), rows)


def _limits() -> str:
    kib = MAX_BODY_BYTES // 1024
    rows = [
        ("Questions of one reader", "`REQUESTS_PER_MINUTE`", "429 `rate_limited`"),
        ("Searches, ingest status and pages, of one reader", f"{LOOKUPS_PER_QUESTION} x that", "429 `rate_limited`"),
        ("Either, of all readers together", f"{READERS} x that", "429 `rate_limited`"),
        ("Answers on their way, of one", f"`MAX_STREAMS` / {STREAMS_SHARE}, at least {MIN_STREAMS}", "429 `too_many_streams`"),
        ("Answers on their way, of all", "`MAX_STREAMS`", "503 `busy`"),
        ("A body", f"{kib} KiB", "413 `too_large`"),
        ("A question or a query", f"{MAX_QUESTION_CHARS:,} characters", "400 `question_too_long`"),
        ("A selected text", f"{MAX_SELECTION_CHARS:,} characters", "cut"),
        ("Earlier messages of a conversation", f"the last {MAX_TURNS}, of {MAX_TURN_CHARS:,} characters", "cut"),
        (", ".join(f"`{path}`" for path in UNLIMITED), "none", ""),
    ]  # fmt: skip
    return _table(("What", "Limit", "Beyond it"), rows)


def _times() -> str:
    timing = Timing()
    rows = [
        ("A body to arrive", BODY_TIMEOUT_S, "408 `request_timeout`"),
        ("The search for an answer's passages", RETRIEVE_TIMEOUT_S, "504 `timeout`"),
        ("A search", SEARCH_TIMEOUT_S, "504 `timeout`"),
        ("A page of a book that is not published, to be rendered", RENDER_TIMEOUT_S, "504 `timeout`; later it is there"),
        ("An answer, from its passages to its end", timing.deadline_s, "`deadline_exceeded`, then `done`"),
        ("A reader who does not read, after that", timing.slow_reader_s, "the connection is closed"),
        ("A stream's silence", timing.heartbeat_s, "`: ping`"),
        ("A broken stream to be taken up again, from its start", KEEP_S, "the question is answered anew"),
        ("An idle connection", KEEP_ALIVE_S, "it is closed"),
        ("A look of `/health` at what it depends on", WAIT_S, "what was known before counts"),
        ("A look of `/health/db` and its like at one of them", LOOK_UP_S, "503"),
        ("Prefect and the first ingest to start, without a book", STARTING_S, "`status` is `no_book`"),
        ("Answers on their way, when told to stop", FINISH_S, "`shutting_down`, then `done`"),
    ]
    return _table(("What may take", "Seconds", "Beyond it"), ((what, f"{seconds:g}", beyond) for what, seconds, beyond in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(page: Path = PAGE) -> None:
    """Render the page in place."""
    page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

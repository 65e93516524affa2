"""Renders the tables of `docs/operating.md` from the code: run `make reference` after changing a metric or a field of /health.

`tests/policy/test_policy.py` fails while the page differs from what this renders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from server.http.limits import LOOKUPS_PER_QUESTION, MIN_STREAMS, READERS, STREAMS_SHARE
from server.http.schemas import HealthReport, LiveBuild
from server.status.gauges import GAUGES
from server.status.metrics import Metrics
from shared.settings import HOME

PAGE = HOME / "docs" / "operating.md"
_BLOCK = re.compile(r"(<!-- rendered: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(page: str) -> str:
    """The page with every block between `<!-- rendered: name -->` and `<!-- end -->` as the code has it now."""
    tables = {"health": _health, "metrics": _metrics, "limits": _limits}
    return _BLOCK.sub(lambda block: f"{block[1]}\n{tables[block[2]]()}\n\n{block[3]}", page)


def _health() -> str:
    fields = [(name, field.description) for name, field in HealthReport.model_fields.items()]
    build = [(f"build.{name}", field.description) for name, field in LiveBuild.model_fields.items()]
    at = [name for name, _ in fields].index("build") + 1
    return _table(("Field", "What it says"), ((f"`{name}`", text or "") for name, text in [*fields[:at], *build, *fields[at:]]))


def _metrics() -> str:
    kept = [(one.name, one.kind, one.labels, one.meaning) for one in Metrics().described]
    read = [(f"lectern_{name}", "gauge", labels, meaning) for name, (meaning, labels) in GAUGES.items()]
    rows = (
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), meaning)
        for name, kind, labels, meaning in [*kept, *read]
    )
    return _table(("Metric", "Type", "Labels", "What it says"), rows)


def _limits() -> str:
    rows = [
        ("Questions of one reader", "`REQUESTS_PER_MINUTE`", "429 `rate_limited`"),
        ("Searches, ingest status and pages, of one reader", f"{LOOKUPS_PER_QUESTION} x that", "429 `rate_limited`"),
        ("Either, of all readers together", f"{READERS} x that", "429 `rate_limited`"),
        ("Answers on their way, of one", f"`MAX_STREAMS` / {STREAMS_SHARE}, at least {MIN_STREAMS}", "429 `too_many_streams`"),
        ("Answers on their way, of all", "`MAX_STREAMS`", "503 `busy`"),
        ("`/health`, `/health/live`, `/health/ready`, `/metrics`, `/`, `/docs`, `/openapi.json`", "none", ""),
    ]  # fmt: skip
    return _table(("What", "Limit", "Beyond it"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(page: Path = PAGE) -> None:
    """Render the page in place."""
    page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The figures on a small scale, on the real server: what they count, not how long it takes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.figures.__main__ import FIGURES
from tests.figures.hostile_text import active_markup, faults_of
from tests.figures.measuring.harness import Trial, percentile
from tests.figures.measuring.readers import Heard
from tests.figures.measuring.report import PAGE, Row, rewritten

STATED_ELSEWHERE = {"leaving", "never-reading", "sigterm", "any-text", "restarts", "killed-ingests", "damaged-data"}
"""Named on the page with the tests that are their small scale."""


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")
@pytest.mark.parametrize("name", [name for name in FIGURES if name not in STATED_ELSEWHERE])
def test_on_a_small_scale_nothing_fails(name: str, tmp_path: Path) -> None:
    measured = asyncio.run(FIGURES[name].measure(Trial(tmp_path, is_short=True)))
    assert measured.n > 0
    assert measured.failures == 0, measured.text


def test_the_page_has_rows_for_figures_and_none_besides() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page, {}, list(FIGURES)) == page
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert rows == [name for name in FIGURES if name in rows]


def test_a_row_is_put_in_the_place_of_the_one_before() -> None:
    def row(name: str, measured: str) -> Row:
        return Row(name, "what", "target", measured, "1", "0", "then")

    page = rewritten(
        "Before.\n<!-- figures -->\n<!-- end -->\nAfter.\n", {"b": row("b", "5 | 6"), "a": row("a", "1")}, ["a", "b"]
    )
    page = rewritten(page, {"a": row("a", "2")}, ["a", "b"])
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        "| `a`: what | target | 2 | 1 | 0 | then |",
        "| `b`: what | target | 5 \\| 6 | 1 | 0 | then |",
    ]
    assert page.startswith("Before.\n")
    assert page.endswith("\nAfter.\n")


@pytest.mark.parametrize(
    ("html", "active"),
    [
        ("<head><style>p{}</style></head><body><p>x</p><a href='/b'>y</a></body>", []),
        ("<body><script>1</script></body>", ["active"]),
        ("<body><p ONCLICK=x>y</p><a href=' java\tscript:1'>z</a></body>", ["active", "active"]),
    ],
)
def test_active_markup_is_told_from_text(html: str, active: list[str]) -> None:
    assert list(active_markup(httpx.Response(200, text=html))) == active


@pytest.mark.parametrize(
    ("kinds", "text", "faults"),
    [
        (("start", "sources", "chunk", "chunk", "done"), "x", []),
        (("start", "sources", "chunk", "error", "done"), "x", []),
        (("start", "sources", "chunk", "done", "done"), "x", ["forged"]),
        (("start", "chunk", "start", "sources", "done"), "x", ["forged"]),
        (("start", "sources", "chunk", "chunk", "done"), "canary-1f", ["leak"]),
    ],
)
def test_a_forged_event_and_a_leak_in_two_pieces_are_seen(kinds: tuple[str, ...], text: str, faults: list[str]) -> None:
    half = len(text) // 2
    pieces = iter((text[:half], text[half:]))
    frames = tuple(
        {"type": kind, "content": next(pieces, "") if kind == "chunk" else "", "done": kind == "done"} for kind in kinds
    )
    assert list(faults_of(Heard(200, frames, 0.0, "HTTP/1.1 200 OK\r\n\r\n"), "canary-1f")) == faults


@pytest.mark.parametrize(("share", "value"), [(0.5, 6), (0.95, 10), (0.99, 10), (0.0, 1)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value
    assert percentile([], share) == 0

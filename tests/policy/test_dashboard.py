"""The dashboard for Grafana shows what `/metrics` tells, by its names and labels, and all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from server.metrics import Metrics
from server.status.gauges import GAUGES
from tests.conftest import REPOSITORY

DASHBOARD: dict[str, Any] = json.loads((REPOSITORY / "docs" / "grafana" / "lectern.json").read_text(encoding="utf-8"))
METRICS = {one.name: set(one.labels) for one in Metrics().described} | {
    f"lectern_{name}": set(labels) for name, (_, labels) in GAUGES.items()
}
HISTOGRAMS = {one.name for one in Metrics().described if one.kind == "histogram"}
OF_THE_SCRAPE = {"job", "instance", "le"}
"""Labels that Prometheus itself adds."""


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (one["expr"] for one in DASHBOARD["annotations"]["list"])


def test_every_metric_it_names_exists_with_the_labels_it_names() -> None:
    for expression in expressions():
        named = re.findall(r"\b(?:lectern|process)_\w+", expression)
        assert named, expression
        known: set[str] = set(OF_THE_SCRAPE)
        for name in named:
            if name.startswith("process_"):
                assert name == "process_resident_memory_bytes"
                continue
            plain = name.removesuffix("_bucket")
            assert plain in METRICS, expression
            assert (plain in HISTOGRAMS) == (name != plain), expression
            known |= METRICS[plain]
        grouped = re.findall(r"by \(([^)]*)\)", expression)
        matched = re.findall(r'(\w+)(?:=~|!=|=)"', expression)
        assert {label.strip() for group in grouped for label in group.split(",")} | set(matched) <= known, expression


def test_what_a_legend_shows_is_what_its_expression_keeps() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            kept = {label.strip() for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(",")}
            assert shown <= kept | OF_THE_SCRAPE, target


def test_no_metric_is_left_out() -> None:
    text = " ".join(expressions())
    unseen = {name for name in METRICS if not re.search(rf"\b{name}(_bucket)?\b", text)}
    assert unseen == {"lectern_info", "lectern_index_build_info"}, "these two are of use in a query, not in a picture"


def test_its_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells), panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])

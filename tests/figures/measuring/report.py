"""`docs/figures.md`: its table is written by `make figures`, a row for each figure that was run."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[3] / "docs" / "figures.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end -->"
HEAD = "| Figure | Target | Measured | n | Failures | Run |\n|---|---|---|---|---|---|\n"


class Row(NamedTuple):
    """One figure, as the table tells it."""

    name: str
    """What `make figures ARGS=` calls it."""
    what: str
    target: str
    measured: str
    n: str
    failures: str
    run: str
    """Date, commit and machine."""

    def __str__(self) -> str:
        cells = (f"`{self.name}`: {self.what}", *self[2:])
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def machine() -> str:
    """Cores, kind and how busy it is."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.0f}"


def rewritten(page: str, rows: Mapping[str, Row], order: Sequence[str]) -> str:
    """The page with these rows in the place of older ones of the same names, all of them in this order."""
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = {found[1]: line + "\n" for line in table.splitlines() if (found := re.match(r"\| `([\w-]+)`: ", line))}
    lines |= {name: str(row) for name, row in rows.items()}
    return before + BEGIN + "\n" + HEAD + "".join(lines[name] for name in order if name in lines) + "\n" + END + after

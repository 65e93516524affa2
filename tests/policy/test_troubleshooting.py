"""The messages quoted in docs/troubleshooting.md and docs/deploy-space.md are those the programs print."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.schemas.book_api import IngestRun
from tests.conftest import REPOSITORY

PAGES = ("troubleshooting.md", "deploy-space.md")
FOLDERS = ("flows", "server", "shared")
GAP = "\0"
COLUMNS = {"It says": 0, "The log says": 0, "`code`": 1}
"""Heads of the tables that quote messages, and the column that holds them."""


def texts_of(path: Path) -> Iterator[str]:
    """Every string of a module; what is filled in is a gap."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


TEXTS = [text for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py") for text in texts_of(path)]


def quoted(page: str) -> list[str]:
    """What the tables of messages quote, each in its column."""
    found: list[str] = []
    column: int | None = None
    for line in (REPOSITORY / "docs" / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            column = None
        elif cells[0] in COLUMNS:
            column = COLUMNS[cells[0]]
        elif column is not None and not cells[0].startswith("---"):
            found.append(cells[column].strip("`"))
    return found


QUOTED = [(page, message) for page in PAGES for message in quoted(page)]


def is_printed(message: str) -> bool:
    """Whether some string of the programs says that, in this order; a gap may also stand in for what a message words alike."""
    wanted = ".*".join(re.escape(piece.strip()) for piece in re.split(r"\.\.\.", message) if piece.strip())
    return any(re.search(wanted, text, re.DOTALL) for text in TEXTS)


def test_both_pages_quote_messages() -> None:
    assert {page: sum(each == page for each, _ in QUOTED) > 2 for page in PAGES} == dict.fromkeys(PAGES, True)


@pytest.mark.parametrize(("page", "message"), QUOTED)
def test_a_message_that_is_quoted_is_printed(page: str, message: str) -> None:
    assert is_printed(message), f"{page} quotes {message!r}, which nothing prints"


def test_a_message_that_nothing_prints_is_noticed() -> None:
    assert not is_printed("Port ... is in use by another programme")
    assert is_printed("Port ... is in use by another program")


def test_the_fields_the_page_names_exist() -> None:
    assert {"message", "report"} <= set(IngestRun.model_fields)


def test_the_codes_are_those_of_problems() -> None:
    codes = re.findall(
        r"^\| `([a-z_]+)` \|", (REPOSITORY / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(codes) >= 8
    assert [code for code in codes if code not in TEXTS] == []

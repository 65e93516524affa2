"""The map of rooms in `docs/architecture.md` is what the rooms say of themselves.

`APPROVE=1 pytest` this file writes it anew.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms -->\n", "<!-- end -->\n"


def _line(folder: Path) -> str:
    text = (folder / "__init__.py").read_text(encoding="utf-8")
    says = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0].replace("\n", " ")
    modules = ", ".join(f"`{file.stem}`" for file in sorted(folder.glob("*.py")) if file.stem != "__init__")
    name = folder.relative_to(REPOSITORY)
    return f"| [`{name}/`](../{name}/__init__.py) | {says} | {modules} |\n"


def test_the_map_names_every_room_and_what_is_in_it() -> None:
    folders = [init.parent for top in ("flows", "server", "shared") for init in (REPOSITORY / top).rglob("__init__.py")]
    expected = "| Room | What it is for | Modules |\n|---|---|---|\n" + "".join(map(_line, sorted(folders)))
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    written, _, after = rest.partition(END)
    if os.environ.get("APPROVE"):
        PAGE.write_text(f"{before}{BEGIN}{expected}{END}{after}", encoding="utf-8")
        written = expected
    assert written == expected

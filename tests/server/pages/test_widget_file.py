"""The widget is one committed file that no page has to build: what the sources beside it make."""

from __future__ import annotations

import base64
import gzip
import re
import shutil
import subprocess
from hashlib import sha384
from pathlib import Path

import pytest

from server.routes.widget import FOLDER

SOURCE = FOLDER / "widget"
FILE = FOLDER / "widget.js"
DOCS = FOLDER.parent.parent / "docs" / "widget.md"


def test_it_is_under_60_kb_compressed() -> None:
    assert len(gzip.compress(FILE.read_bytes())) < 60_000


def test_the_documentation_pins_this_very_file() -> None:
    hashed = base64.b64encode(sha384(FILE.read_bytes()).digest()).decode()
    assert re.findall(r"sha384-([\w+/=]+)", DOCS.read_text(encoding="utf-8")) == [hashed]


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: what the sources build is not compared")
def test_it_is_what_its_sources_build(tmp_path: Path) -> None:
    copy = tmp_path / "pages" / "widget"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("node_modules"))
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "check"], ["npm", "run", "build"]):
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        if command[1] == "ci" and done.returncode and "network" in done.stderr:
            pytest.skip("npm cannot reach its registry")
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "pages" / "widget.js").read_bytes() == FILE.read_bytes()

"""A test that hangs fails alone, with the stacks of every thread, and the others run on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

TESTS = """
import asyncio, threading

def test_that_hangs():
    threading.Thread(target=threading.Event().wait, name="the-other-thread", daemon=True).start()
    threading.Event().wait()

async def test_that_hangs_on_the_loop():
    await asyncio.Event().wait()

def test_after_it():
    pass
"""


def test_a_test_that_hangs_fails_alone_and_shows_where(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-c", REPOSITORY / "pyproject.toml", "--rootdir", tmp_path, "-o", "timeout=1"]
    done = subprocess.run([*command, "-v", "-n", "1", tmp_path], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "2 failed, 1 passed" in done.stdout
    assert done.stdout.count("Timeout (>1.0s) from pytest-timeout") >= 2
    assert "threading.Event().wait()" in done.stdout
    assert "the-other-thread" in done.stdout + done.stderr
    assert "crashed" not in done.stdout

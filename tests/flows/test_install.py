"""What is seen while pip or uv installs."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from flows import install

PIP = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
def when(name):
    while not (folder / name).exists():
        time.sleep(0.01)
print("Collecting quart==0.22.0 (from -r requirements.txt)", flush=True)
when("downloading")
(folder / "lib/python3.11/site-packages/quart-0.22.0.dist-info").mkdir(parents=True)
when("unpacking")
"""


class Screen(io.StringIO):
    """Makes a file of each word it was shown, for the command to go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def write(self, text: str) -> int:
        for word in ("downloading", "unpacking"):
            if word in text:
                (self.folder / word).touch()
        return super().write(text)


def test_what_is_downloaded_and_unpacked_is_said_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "LOG_EVERY_S", 0.05)
    screen = Screen(tmp_path)
    assert install.main(tmp_path, [sys.executable, "-c", PIP, str(tmp_path)], screen) == 0
    assert "downloading 1: quart 0.22.0\n" in screen.getvalue()
    assert "unpacking: 1 packages of 1\n" in screen.getvalue()


def test_an_installer_that_fails_is_quoted_and_its_exit_code_kept(tmp_path: Path) -> None:
    screen = io.StringIO()
    assert install.main(tmp_path, ["/bin/sh", "-c", "echo ERROR: no such package; exit 3"], screen) == 3
    assert screen.getvalue() == "ERROR: no such package\n"

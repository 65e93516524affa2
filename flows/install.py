"""Runs pip or uv and says how far it is, as it goes: `python -m flows.install FOLDER COMMAND...`; its exit code is theirs.

Nothing is installed yet when this runs, so it has the standard library only. pip says what it downloads and nothing while it
unpacks, for minutes on a busy machine: what has arrived in `FOLDER`, the environment, is counted instead.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

SHOW_EVERY_S = 0.5
"""On a terminal, where one line is written over."""
LOG_EVERY_S = 10.0
"""Where every line stays."""
TAIL = 30
"""Lines of a failed installer that are shown."""
_COLLECTING = re.compile(r"Collecting ([\w.-]+)(?:\[\S*\])?(?:==(\S+))?")


class Installer:
    """What the running command has said so far."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  the Makefile's own command
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self.said: list[str] = []
        self.collected = 0
        self.doing = "looking up what is needed"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  for the type checker: it was asked for
        with self._process.stdout as lines:
            for line in lines:
                self.said.append(line.rstrip())
                if match := _COLLECTING.match(line):
                    self.collected += 1
                    self.doing = f"downloading {self.collected}: {match[1]} {match[2] or ''}".rstrip()
                elif line.startswith(("Installing collected packages", "Prepared ")):
                    self.doing = "unpacking"

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, once it has ended and all it said is read; None after so many seconds without."""
        self._reader.join(timeout_s)
        return None if self._reader.is_alive() else self._process.wait()


def main(folder: Path, command: list[str], stream: TextIO = sys.stderr) -> int:
    """Run the command to its end."""
    began, before = time.monotonic(), _count_packages(folder)
    installer, line = Installer(command), ""
    while (code := installer.wait(SHOW_EVERY_S if stream.isatty() else LOG_EVERY_S)) is None:
        arrived = _count_packages(folder) - before
        doing = f"unpacking: {arrived} packages of {installer.collected or 'all'}" if arrived > 0 else installer.doing
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        line = f"  {minutes}:{seconds:02} {doing}"
        stream.write(f"\r\033[K{line[:79]}" if stream.isatty() else f"{line}\n")
        stream.flush()
    if line and stream.isatty():
        stream.write("\r\033[K")
    if code != 0:
        stream.write("\n".join(installer.said[-TAIL:]) + "\n")
    return code


def _count_packages(folder: Path) -> int:
    return sum(1 for _ in folder.glob("lib/python*/site-packages/*.dist-info"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

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


def main(folder: Path, command: list[str], stream: TextIO = sys.stderr) -> int:
    """Run the command to its end."""
    began, before = time.monotonic(), _count_packages(folder)
    every_s = SHOW_EVERY_S if stream.isatty() else LOG_EVERY_S
    said: list[str] = []
    line = ""
    with subprocess.Popen(  # noqa: S603  the Makefile's own command
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as installer:
        reader = threading.Thread(target=lambda: said.extend(installer.stdout or ()), daemon=True)
        reader.start()
        reader.join(every_s)
        while reader.is_alive():
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            line = f"  {minutes}:{seconds:02} {_describe(list(said), _count_packages(folder) - before)}"
            stream.write(f"\r\033[K{line[:79]}" if stream.isatty() else f"{line}\n")
            stream.flush()
            reader.join(every_s)
    if line and stream.isatty():
        stream.write("\r\033[K")
    if installer.returncode != 0:
        stream.write("".join(said[-TAIL:]).rstrip() + "\n")
    return installer.returncode


def _describe(said: list[str], arrived: int) -> str:
    """What an installer is at that has said these lines, while so many packages have arrived."""
    collected = [match for line in said if (match := _COLLECTING.match(line))]
    if arrived > 0:
        return f"unpacking: {arrived} packages of {len(collected) or 'all'}"
    if any(line.startswith(("Installing collected packages", "Prepared ")) for line in said):
        return "unpacking"
    if collected:
        return f"downloading {len(collected)}: {collected[-1][1]} {collected[-1][2] or ''}".rstrip()
    return "looking up what is needed"


def _count_packages(folder: Path) -> int:
    return sum(1 for _ in folder.glob("lib/python*/site-packages/*.dist-info"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

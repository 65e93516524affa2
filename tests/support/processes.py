"""What the kernel says of processes. Waits are for events; how long a test may take is said once, in pyproject.toml."""

from __future__ import annotations

import os
import time
from pathlib import Path

LOOK_EVERY_S = 0.02


def state(pid: int) -> str:
    """Its state as proc(5) spells it, `S` asleep, `T` stopped, `Z` ended and not waited for; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_until_asleep(pid: int) -> None:
    """Returns when the process waits for something."""
    while state(pid) != "S":
        time.sleep(LOOK_EVERY_S)


def wait_until_ended(pid: int) -> None:
    """Returns when the process has ended, whoever was to wait for it."""
    while state(pid) not in {"", "Z"}:
        time.sleep(LOOK_EVERY_S)


def wait_until_group_ended(group: int) -> None:
    """Returns when no process of the group is left."""
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(LOOK_EVERY_S)

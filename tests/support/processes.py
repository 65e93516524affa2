"""What the kernel says of processes. Waits are for events; how long a test may take is said once, in pyproject.toml."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

LOOK_EVERY_S = 0.02


def _status(pid: int | str) -> list[str]:
    """State, parent, process group and so on, as in proc(5) from the third field on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def state(pid: int) -> str:
    """`S` asleep, `T` stopped, `Z` ended and not waited for; empty when it is gone."""
    return "".join(_status(pid)[:1])


def wait_until_asleep(pid: int) -> None:
    """Returns when the process waits for something."""
    while state(pid) != "S":
        time.sleep(LOOK_EVERY_S)


def wait_until_ended(pid: int) -> None:
    """Returns when the process has ended, whoever was to wait for it."""
    while state(pid) not in {"", "Z"}:
        time.sleep(LOOK_EVERY_S)


def wait_until_group_ended(group: int) -> None:
    """Returns when no process of the group runs; one that nobody has waited for does not."""

    def is_running(status: list[str]) -> bool:
        return len(status) > 2 and status[0] != "Z" and int(status[2]) == group

    while any(is_running(_status(folder.name)) for folder in Path("/proc").glob("[0-9]*")):
        time.sleep(LOOK_EVERY_S)


def tree(pid: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if len(status := _status(folder.name)) > 1:
            parents.setdefault(int(status[1]), []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def kill_tree(pid: int) -> None:
    """kill -9 of the process and all that descend from it, none of which sees another end and acts on it."""
    stopped = tree(pid)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, number)
        stopped += [each for each in tree(pid) if each not in stopped]

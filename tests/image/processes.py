"""The processes of a process namespace as seen from outside: what each is for, and the memory it takes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROLES = {
    "tini": "tini",
    "supervisor.supervisord": "supervisord",
    "-m flows.launch ": "guide",
    "-m server ": "web",
    "flows.launch.prefect_server": "prefect",
    "flows.orchestration.worker": "worker",
    "prefect.engine": "ingest",
    "prefect flow-run": "ingest",
    "spawn_main": "ingest",
    "forkserver": "ingest",
    "git": "ingest",
}
"""A piece of the command line and what it says."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process, at one moment."""

    pid: int
    role: str
    command: str
    memory_mb: float
    """Proportional set size: shared pages are split between those who share them, so sums are right."""
    is_zombie: bool


def processes(leader: int) -> list[Process]:
    """Everything in the namespace of the child of `leader` (unshare(1)), oldest first."""
    namespace = _namespace_of_child(leader)
    return sorted((found for found in _look(namespace) if found), key=lambda process: process.pid)


def oldest(leader: int, role: str) -> Process:
    """The oldest process of that role; raises `StopIteration` when there is none."""
    return next(process for process in processes(leader) if process.role == role)


def first_process(leader: int) -> int | None:
    """Process 1 of the namespace, the child of `leader`, by its number outside; None once it has ended."""
    with suppress(OSError):
        children = Path(f"/proc/{leader}/task/{leader}/children").read_text(encoding="ascii").split()
        return int(children[0]) if children else None
    return None


def process_one(leader: int) -> int:
    """The same; raises `ProcessLookupError` once it has ended. It need not have the lowest number: those begin anew."""
    number = first_process(leader)
    if number is None:
        raise ProcessLookupError("the container has ended")
    return number


def _namespace_of_child(leader: int) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/{first_process(leader)}/ns/pid").readlink())
    return "none"


def _look(namespace: str) -> Iterator[Process | None]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if str((entry / "ns/pid").readlink()) == namespace:
                    yield _describe(entry)


def _describe(entry: Path) -> Process:
    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    is_zombie = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] == "Z"
    role = next((role for piece, role in ROLES.items() if piece in command), "other")
    return Process(int(entry.name), role, command.strip(), 0.0 if is_zombie else _memory_mb(entry), is_zombie)


def _memory_mb(entry: Path) -> float:
    lines = (entry / "smaps_rollup").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def memory_by_role(found: list[Process]) -> dict[str, float]:
    """Megabytes of each role, and of `all`."""
    sums: defaultdict[str, float] = defaultdict(float)
    for process in found:
        sums[process.role] += process.memory_mb
        sums["all"] += process.memory_mb
    return {role: round(megabytes, 1) for role, megabytes in sums.items()}


@dataclass(slots=True)
class MemoryWatch:
    """Looks at the memory twice a second until stopped; keeps the highest, of all and of each role."""

    leader: int
    highest: dict[str, float] = field(default_factory=dict[str, float])
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> MemoryWatch:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            for role, megabytes in memory_by_role(processes(self.leader)).items():
                self.highest[role] = max(megabytes, self.highest.get(role, 0.0))


def wait_for(look: Callable[[], bool], limit_s: float, every_s: float = 0.02) -> float:
    """Seconds until `look()` is true; raises `TimeoutError` after `limit_s`."""
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        if look():
            return time.monotonic() - began
        time.sleep(every_s)
    raise TimeoutError(f"not within {limit_s} s")

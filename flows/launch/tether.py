"""Runs a program that ends when its parent does: `python -m flows.launch.tether PROGRAM ARGUMENT...`.

A supervisor that is killed with SIGKILL cannot stop what it started. Linux can: it sends the signal asked for here when the
parent dies, and remembers it across `exec`. Elsewhere the program just runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


def tether_to_parent() -> None:
    """Have this process sent SIGTERM when the one that started it ends."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended just before
        sys.exit(1)


if __name__ == "__main__":
    tether_to_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  that is its purpose

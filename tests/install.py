"""`python -m tests.install`: what the tests use beside Python, as far as this machine lets us.

Programs are Debian's, installed where we are root; clients are npm's, installed where npm is. Whatever cannot be had is said in
one line, and the tests that need it are skipped: this never fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from tests.clients.site import FOLDER, INSTALLED, PACKAGES
from tests.support import chromium
from tests.support.databases import postgres

LIMIT_S = 300.0
"""For one command: a download that hangs must not use up a run of CI."""

Run = Callable[[Sequence[str]], bool]
"""Runs a command; whether it went well."""


def find_missing() -> list[str]:
    """Debian's packages of the programs that are not there."""
    found = {
        "postgresql": postgres.BIN,
        "redis-server": shutil.which("redis-server"),
        "chromium": chromium.FOUND,
        "nginx": shutil.which("nginx"),
        "npm": shutil.which("npm"),
    }
    return [package for package, program in found.items() if program is None]


def install_programs(missing: Sequence[str], run: Run, *, may_install: bool) -> str:
    """Install Debian's packages; what to say of those that could not be had, '' when there is nothing to say.

    A machine that never installed anything has no lists of packages: they are fetched first.
    """
    if not missing:
        return ""
    if may_install:
        run(["apt-get", "update"])
        if run(["apt-get", "install", "--yes", "--no-install-recommends", *missing]):
            return ""
    return f"Some tests are skipped: apt-get install {' '.join(missing)}"


def install_clients(run: Run) -> str:
    """Install npm's packages, exactly those locked; what to say where they could not be had."""
    if run(["npm", "ci", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"]):
        return ""
    shutil.rmtree(PACKAGES, ignore_errors=True)  # half of them are as good as none
    return "Some tests are skipped: npm ci --prefix tests/clients"


def main() -> None:
    """Install, and say what could not be."""
    may_install = os.getuid() == 0 and shutil.which("apt-get") is not None
    lines = [install_programs(find_missing(), _run, may_install=may_install)]
    locked = (FOLDER / "package-lock.json").stat().st_mtime
    if not INSTALLED or (PACKAGES / ".package-lock.json").stat().st_mtime < locked:
        lines.append(install_clients(_run))
    sys.stdout.writelines(f"{line}\n" for line in lines if line)


def _run(command: Sequence[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    main()

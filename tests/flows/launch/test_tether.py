"""A program ends when the one that started it does, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.support.processes import wait_until_ended

PARENT = """
import subprocess, sys, time
program = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
child = subprocess.Popen([sys.executable, "-m", "flows.launch.tether", *program],
                         stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_program_whose_parent_is_killed_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    wait_until_ended(child)

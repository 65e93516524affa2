"""A Postgres of the tests' own, from Debian's package, on a free port of the loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

_INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
BIN = _INSTALLED[-1].parent if _INSTALLED else None
"""Where the programs are; None: the package `postgresql` is not installed."""
USER = "nobody"
"""Postgres refuses to run as root: then it runs as this one."""


class Postgres:
    """A cluster in a folder of its own; it can be stopped and started again with all it holds."""

    def __init__(self) -> None:
        assert BIN is not None
        self._bin = BIN
        self._folder = Path(tempfile.mkdtemp(prefix="lectern-postgres-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, USER)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "lectern", "-A", "trust", "--no-sync", "-E", "UTF8")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def address(self, name: str = "postgres", *, scheme: str = "postgresql", query: str = "") -> str:
        """The address of a database, as an operator would write it."""
        return f"{scheme}://lectern@127.0.0.1:{self.port}/{name}{query}"

    def make_database(self, name: str) -> str:
        """A new, empty database; its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "lectern", name)
        return self.address(name)

    @property
    def pid(self) -> int:
        """Of the process that all its others are children of, while it runs."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        self._run(
            "pg_ctl", "-D", str(self._folder / "data"), "-l", str(self._folder / "log"), "-w", "-t", "300",
            "-o", f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off", "start",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop it, and cut every connection."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "-t", "300", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if os.getuid() == 0:
            command = ["setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups", *command]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self._folder)}
        done = subprocess.run(
            command, cwd=self._folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, (done.stderr or b"").decode())

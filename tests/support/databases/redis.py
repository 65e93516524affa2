"""A Redis of the tests' own, from Debian's package, on a free port of the loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from typing import Self

PROGRAM = shutil.which("redis-server")
"""None: the package `redis-server` is not installed."""


class RedisProcess:
    """A server that keeps nothing on disk; it can be stopped and started again, and is empty then."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        assert PROGRAM is not None
        command = [
            PROGRAM,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            "/tmp",
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at its start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it, and cut every connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

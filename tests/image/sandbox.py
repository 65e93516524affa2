"""The image's command, run as an engine would: its user, its environment, a read-only root, writable /data and /tmp.

Its network is the loopback of this process's own; nothing of it outlives the context.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.image.dockerfile import Stage
from tests.image.namespaces import devices, mounted, stacked
from tests.image.processes import first_process

OWNER = 1000
PREPARE = 'mount -t proc proc "$0/proc" && exec setpriv --no-new-privs chroot --userspec=1000:1000 --groups= "$0" "$@"'
ENTER = 'cd "$0" && exec "$@"'


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A root file system with its mounts, ready to run the command in."""

    root: Path
    stage: Stage
    data: Path
    """What /data is outside."""
    log: Path
    """Standard output of every start, one after the other, each line with the seconds since its start."""

    @contextmanager
    def running(self, settings: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
        """The image's ENTRYPOINT and CMD as process 1 of a new process namespace; killed with all it started at the end."""
        command = [*self.stage.last("ENTRYPOINT").command, *self.stage.last("CMD").command]
        reader, writer = os.pipe()
        os.fchown(writer, OWNER, OWNER)  # as runc does: supervisord opens /dev/fd/1 anew
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "sh", "-c", PREPARE, str(self.root), *self._inside(command)],
            env=self.stage.environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
        )
        os.close(writer)
        listener = threading.Thread(target=self._keep_log, args=(reader,))
        listener.start()
        try:
            yield process
        finally:
            if first := first_process(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(
                        first, signal.SIGKILL
                    )  # and the kernel ends the rest; --kill-child is forgotten at the change of user
            process.wait()
            listener.join()

    def run(self, instruction: Sequence[str], settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """A command beside the running one, as HEALTHCHECK's is."""
        command = ["chroot", f"--userspec={OWNER}:{OWNER}", "--groups=", str(self.root), *self._inside(instruction)]
        environment = self.stage.environment | settings
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["/bin/sh", "-c", ENTER, self.stage.last("WORKDIR").rest, *command]

    def _keep_log(self, reader: int) -> None:
        began = time.monotonic()
        with os.fdopen(reader, encoding="utf-8", errors="replace") as lines, self.log.open("a", encoding="utf-8") as log:
            for line in lines:
                log.write(f"{time.monotonic() - began:7.2f} {line}")
                log.flush()


@contextmanager
def sandbox(stage: Stage, layers: Sequence[Path], work: Path, shared: Path) -> Generator[Sandbox]:
    """The layers as a read-only root; /data as a new volume begins: with what the image has there. `shared` is seen as /srv."""
    data = work / "data"
    shutil.rmtree(data, ignore_errors=True)
    (work / "output.log").unlink(missing_ok=True)
    with ExitStack() as mounts:
        root = mounts.enter_context(stacked(work / "root", layers))
        _copy_volume(root / "data", data)
        mounts.enter_context(mounted(root / "data", "--bind", data))
        mounts.enter_context(mounted(root / "srv", "--bind", "-o", "ro", shared))
        mounts.enter_context(mounted(root / "tmp", "-t", "tmpfs", "-o", "mode=1777,nosuid,nodev,noexec", "tmpfs"))
        mounts.enter_context(devices(root))
        yield Sandbox(root, stage, data, work / "output.log")


def _copy_volume(image: Path, volume: Path) -> None:
    shutil.copytree(image, volume, symlinks=True)
    status = image.stat()
    os.chown(volume, status.st_uid, status.st_gid)
    if status.st_uid != OWNER:
        sys.exit("the image's /data does not belong to its user")

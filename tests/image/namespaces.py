"""Mounts, processes and networks that vanish with the process that asked for them (namespaces(7)); needs root and Linux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

INSIDE = "LECTERN_IMAGE_NAMESPACE"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
SHM_BYTES = 64 * 2**20
"""What an engine gives by default."""


def enter(*, network: bool, arguments: Sequence[str]) -> None:
    """Start this program again in a mount namespace of its own, without any network but its loopback unless `network`.

    Returns in the new process; the old one ends with its exit code.
    """
    if os.environ.get(INSIDE):
        return
    missing = [tool for tool in ("unshare", "mount", "setpriv", "ip", "chroot") if shutil.which(tool) is None]
    if sys.platform != "linux" or os.geteuid() != 0 or missing:
        sys.exit(f"This needs Linux, root and util-linux with iproute2 (missing: {', '.join(missing) or 'root'}).")
    flags = ["--mount", "--propagation", "private", *([] if network else ["--net"])]
    command = ["unshare", *flags, sys.executable, "-m", "tests.image", *arguments]
    sys.exit(subprocess.run(command, env=os.environ | {INSIDE: "1"}, check=False).returncode)


def raise_loopback() -> None:
    """Have 127.0.0.1 answer in a new network namespace."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def mount(*arguments: str | Path) -> None:
    """mount(8); raises `CalledProcessError`."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


@contextmanager
def mounted(target: Path, *arguments: str | Path) -> Generator[Path]:
    """Something mounted on `target`, which is made if need be, as long as the context lasts."""
    target.mkdir(parents=True, exist_ok=True)
    mount(*arguments, target)
    try:
        yield target
    finally:
        subprocess.run(["umount", "--lazy", str(target)], check=True)


@contextmanager
def stacked(target: Path, layers: Sequence[Path], upper: Path | None = None) -> Generator[Path]:
    """`layers`, the lowest first, seen as one at `target`; changes go to `upper`, or are refused without one."""
    lower = ":".join(str(layer) for layer in reversed(layers))
    if upper is None:
        with mounted(target, "-t", "overlay", "overlay", "-o", f"lowerdir={lower},ro"):
            yield target
        return
    work = upper.with_name(f"{upper.name}.work")
    for folder in (upper, work):
        folder.mkdir(parents=True, exist_ok=True)
    with mounted(target, "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}"):
        yield target
    shutil.rmtree(work)


@contextmanager
def devices(root: Path) -> Generator[None]:
    """A `/dev` as engines make it."""
    with mounted(root / "dev", "-t", "tmpfs", "-o", "mode=755,nosuid", "tmpfs"):
        for name in DEVICES:
            (root / "dev" / name).touch()
            mount("--bind", f"/dev/{name}", root / "dev" / name)
        for name, target in {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
            (root / "dev" / name).symlink_to(target if name == "fd" else f"/proc/self/{target}")
        (root / "dev" / "shm").mkdir()
        mount("-t", "tmpfs", "-o", f"mode=1777,nosuid,nodev,size={SHM_BYTES}", "tmpfs", root / "dev" / "shm")
        yield
